import { createHash } from 'node:crypto';
import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { PhoneNumber, WabaRecord } from '../state/records.ts';
import { requireScope } from '../tokens/graph-caller.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { listNodes } from './graph-edge.ts';
import { phoneView } from './node-views.ts';

const management = 'whatsapp_business_management';
const messaging = 'whatsapp_business_messaging';
const MAX_REGISTRATION_ATTEMPTS = 10;
const REGISTRATION_WINDOW_MS = 72 * 60 * 60 * 1000;
const OVERRIDE_WITHOUT_SUBSCRIPTION =
  '(#100) Before override the current callback uri, your app must be subscribed to receive messages for WhatsApp Business Account';

/** Edges of WhatsApp Business Accounts and phone numbers (META.md 6, 8, 12.4). */
export const whatsappEdges: EdgeTable = {
  'GET waba/phone_numbers': (context) => {
    requireUserScope(context, management);
    return listNodes(context, 'phone_numbers', context.state.store.phonesOf(context.node.id), phoneView);
  },
  'GET waba/message_templates': (context) => {
    requireUserScope(context, management);
    return ok({
      data: [
        { name: 'hello_world', language: 'en_US', status: 'APPROVED', category: 'UTILITY', id: '500000000000501' },
      ],
      paging: { cursors: { before: 'MAZDZD', after: 'MAZDZD' } },
    });
  },
  'GET waba/subscribed_apps': subscriptions,
  'POST waba/subscribed_apps': subscribe,
  'DELETE waba/subscribed_apps': (context) => {
    requireUserScope(context, management);
    delete waba(context).subscribedApps[context.caller.app.id];
    context.state.store.onChange();
    return success();
  },
  'POST phone/register': register,
  'POST phone/deregister': (context) => {
    requireUserScope(context, management);
    countRegistrationAttempt(context);
    phone(context).registered = false;
    context.state.store.onChange();
    return success();
  },
  'POST phone/messages': sendMessage,
  'POST phone/media': uploadMedia,
};

export function requireUserScope(context: EdgeContext, ...scopes: string[]): void {
  if (context.caller.kind === 'app') throw oauthError(100, '(#100) A system user or user access token is required');
  requireScope(context.caller.view, ...scopes);
}

function waba({ node }: EdgeContext): WabaRecord {
  if (node.type !== 'waba') throw oauthError(100, '(#100) Not a WhatsApp Business Account');
  return node.record;
}

function phone({ node }: EdgeContext): PhoneNumber {
  if (node.type !== 'phone') throw oauthError(100, '(#100) Not a phone number');
  return node.record;
}

function subscriptions(context: EdgeContext): MetaResponse {
  requireUserScope(context, management);
  const { state } = context;
  const data = Object.entries(waba(context).subscribedApps).map(([id, subscription]) => ({
    ...(subscription.overrideCallbackUri === undefined
      ? {}
      : { override_callback_uri: subscription.overrideCallbackUri }),
    whatsapp_business_api_data: {
      id,
      name: state.store.apps.get(id)?.name ?? id,
      link: `https://www.facebook.com/games/?app_id=${id}`,
    },
  }));
  return ok({ data });
}

/** Plain subscription first, override afterwards (META.md 8); Meta tries the override's handshake. */
async function subscribe(context: EdgeContext): Promise<MetaResponse> {
  requireUserScope(context, management);
  const { call, caller, state } = context;
  const record = waba(context);
  const override = call.params.get('override_callback_uri');
  if (override === undefined) {
    record.subscribedApps[caller.app.id] ??= {};
    state.store.onChange();
    return success();
  }
  if (record.subscribedApps[caller.app.id] === undefined) throw oauthError(100, OVERRIDE_WITHOUT_SUBSCRIPTION);
  const verified = await state.callbacks.handshake(override, call.params.get('verify_token') ?? '');
  if (!verified)
    throw oauthError(
      2200,
      '(#2200) Callback verification failed with the following errors: HTTP Status Code or challenge mismatch',
    );
  record.subscribedApps[caller.app.id] = { overrideCallbackUri: override };
  state.store.onChange();
  return subscriptionsWithSuccess(context);
}

function subscriptionsWithSuccess(context: EdgeContext): MetaResponse {
  const { data } = subscriptions(context).json as { data: unknown[] };
  return ok({ success: true, data });
}

/** At most ten tries to register or deregister a number in 72 hours (META.md 8). */
function countRegistrationAttempt(context: EdgeContext): void {
  const record = phone(context);
  const now = context.state.now();
  record.triedAt = (record.triedAt ?? []).filter((at) => at > now - REGISTRATION_WINDOW_MS);
  if (record.triedAt.length >= MAX_REGISTRATION_ATTEMPTS) {
    throw oauthError(133016, '(#133016) Account register/deregister rate limit exceeded', {
      errorData: {
        messaging_product: 'whatsapp',
        details:
          'Registration or Deregistration failed because there were too many attempts for this phone number in a short period of time',
      },
    });
  }
  record.triedAt.push(now);
}

/** Sets the PIN where two-step was off, checks it where it was on (META.md 8). */
function register(context: EdgeContext): MetaResponse {
  requireUserScope(context, management);
  const { call, state } = context;
  const record = phone(context);
  const pin = call.params.get('pin') ?? '';
  if (call.params.get('messaging_product') !== 'whatsapp')
    throw oauthError(100, '(#100) The parameter messaging_product is required.');
  if (!/^\d{6}$/.test(pin)) throw oauthError(100, 'Invalid PIN format. PIN must be exactly 6 digits');
  countRegistrationAttempt(context);
  if (record.pin !== null && record.pin !== pin) {
    throw oauthError(133005, '(#133005) Two step verification PIN Mismatch', {
      errorData: { messaging_product: 'whatsapp', details: 'Two step verification PIN is incorrect' },
    });
  }
  record.pin = pin;
  record.registered = true;
  state.store.onChange();
  return success();
}

/** Responses as recorded (headers_whatsapp_messages_2025.json). */
function sendMessage(context: EdgeContext): MetaResponse {
  requireUserScope(context, messaging);
  const { call, state } = context;
  if (!phone(context).registered) {
    throw oauthError(133010, '(#133010) Account not registered', {
      errorData: {
        messaging_product: 'whatsapp',
        details: 'Phone number is not registered on the WhatsApp Business Platform',
      },
    });
  }
  if (call.params.get('messaging_product') !== 'whatsapp')
    throw oauthError(100, '(#100) The parameter messaging_product is required.');
  if (call.params.get('status') === 'read') return success();
  const to = call.params.get('to');
  if (to === undefined || to === '') throw oauthError(100, '(#100) The parameter to is required.');
  const waId = to.replace(/\D/g, '');
  const unique = createHash('sha256')
    .update(`${waId}|${state.store.nextId('')}`)
    .digest('hex')
    .slice(0, 20)
    .toUpperCase();
  const id = `wamid.${Buffer.from(`HBg${waId}FQIAERgS${unique}`, 'latin1').toString('base64')}`;
  return ok({ messaging_product: 'whatsapp', contacts: [{ input: to, wa_id: waId }], messages: [{ id }] });
}

function uploadMedia(context: EdgeContext): MetaResponse {
  requireUserScope(context, messaging);
  const { call, state } = context;
  const file = call.files[0];
  if (call.params.get('messaging_product') !== 'whatsapp')
    throw oauthError(100, '(#100) The parameter messaging_product is required.');
  if (file === undefined) throw oauthError(100, '(#100) The parameter file is required.');
  const id = state.store.nextId('70');
  state.store.addMedia({
    id,
    mimeType: call.params.get('type') ?? file.mimeType,
    size: file.size,
    sha256: file.sha256,
    bytes: file.bytes,
  });
  return ok({ id });
}
