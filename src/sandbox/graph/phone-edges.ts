import { createHash } from 'node:crypto';
import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { PhoneNumber } from '../state/records.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { requireUserScope } from './whatsapp-edges.ts';

const management = 'whatsapp_business_management';
const messaging = 'whatsapp_business_messaging';
const MAX_REGISTRATION_ATTEMPTS = 10;
const REGISTRATION_WINDOW_MS = 72 * 60 * 60 * 1000;
const SYNCHRONIZATION_WINDOW_MS = 24 * 60 * 60 * 1000;

/** Edges of phone numbers (docs/meta-facts.md#registering-phone-numbers, docs/meta-facts.md#coexistence). */
export const phoneEdges: EdgeTable = {
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
  'POST phone/request_code': (context) => {
    requireUserScope(context, management);
    for (const name of ['code_method', 'language'])
      if (!context.call.params.has(name)) throw oauthError(100, `(#100) The parameter ${name} is required.`);
    return success();
  },
  'POST phone/verify_code': (context) => {
    requireUserScope(context, management);
    if (!/^\d{6}$/.test(context.call.params.get('code') ?? ''))
      throw oauthError(136025, '(#136025) Verify code error', { subcode: 2388091 });
    Object.assign(phone(context), { verification: 'VERIFIED', platformType: 'CLOUD_API' });
    context.state.store.onChange();
    return success();
  },
  'POST phone/smb_app_data': synchronize,
};

function phone({ node }: EdgeContext): PhoneNumber {
  if (node.type !== 'phone') throw oauthError(100, '(#100) Not a phone number');
  return node.record;
}

/**
 * Allows ten attempts to register or deregister a number in 72 hours (docs/meta-facts.md#registering-phone-numbers).
 */
function countRegistrationAttempt(context: EdgeContext): void {
  const record = phone(context);
  const now = context.state.now();
  record.triedAt = (record.triedAt ?? []).filter((at) => at > now - REGISTRATION_WINDOW_MS);
  if (record.triedAt.length >= MAX_REGISTRATION_ATTEMPTS) {
    throw oauthError(133016, '(#133016) Account register/deregister rate limit exceeded', {
      errorData: {
        messaging_product: 'whatsapp',
        details:
          'Registration or Deregistration failed because there were too many attempts for this phone number in a ' +
          'short period of time',
      },
    });
  }
  record.triedAt.push(now);
}

/** Sets the PIN if two-step verification is off, else checks it (docs/meta-facts.md#registering-phone-numbers). */
function register(context: EdgeContext): MetaResponse {
  requireUserScope(context, management);
  const { call, state } = context;
  const record = phone(context);
  const pin = call.params.get('pin') ?? '';
  if (call.params.get('messaging_product') !== 'whatsapp')
    throw oauthError(100, '(#100) The parameter messaging_product is required.');
  if (!/^\d{6}$/.test(pin)) throw oauthError(100, 'Invalid PIN format. PIN must be exactly 6 digits');
  // The WhatsApp Business app has registered the number already.
  if (record.isOnBizApp === true)
    throw oauthError(100, '(#100) Registration is not allowed for a number of the WhatsApp Business app');
  if (record.verification === 'NOT_VERIFIED')
    throw oauthError(133006, '(#133006) Phone number needs to be verified before registering');
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

/** Responds as recorded in headers_whatsapp_messages_2025.json. */
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
  // Business-scoped ids come in either field (docs/meta-facts.md#business-scoped-user-ids).
  const to = call.params.get('recipient') ?? call.params.get('to');
  if (to === undefined || to === '') throw oauthError(100, '(#100) The parameter to is required.');
  const isScopedId = /^[A-Z]{2}\.\d+$/.test(to);
  const waId = to.replace(/\D/g, '');
  const unique = createHash('sha256')
    .update(`${waId}|${state.store.nextId('')}`)
    .digest('hex')
    .slice(0, 20)
    .toUpperCase();
  const contact = isScopedId ? { input: to, user_id: to } : { input: to, wa_id: waId };
  const id = `wamid.${Buffer.from(`HBg${waId}FQIAERgS${unique}`, 'latin1').toString('base64')}`;
  return ok({ messaging_product: 'whatsapp', contacts: [contact], messages: [{ id }] });
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

/** Sends contacts or history, once each, within a day of the signup (docs/meta-facts.md#coexistence). */
function synchronize(context: EdgeContext): MetaResponse {
  requireUserScope(context, management, messaging);
  const { call, caller, state } = context;
  const record = phone(context);
  if (call.params.get('messaging_product') !== 'whatsapp')
    throw oauthError(100, '(#100) The parameter messaging_product is required.');
  const kind = call.params.get('sync_type');
  if (kind !== 'history' && kind !== 'smb_app_state_sync')
    throw oauthError(100, '(#100) Param sync_type must be one of {SMB_APP_STATE_SYNC, HISTORY}');
  if (record.isOnBizApp !== true || record.onboardedAt === undefined)
    throw oauthError(100, '(#100) The phone number is not onboarded from the WhatsApp Business app');
  if (state.now() - record.onboardedAt > SYNCHRONIZATION_WINDOW_MS)
    throw oauthError(100, '(#100) The time to synchronize has passed: 24 hours from the signup on');
  if (record.synchronized?.includes(kind) === true)
    throw oauthError(100, '(#100) This was requested already: the customer must offboard and sign up again');
  record.synchronized = [...(record.synchronized ?? []), kind];
  state.store.onChange();
  state.whatsapp.synchronized(record, kind, caller.app);
  return ok({ messaging_product: 'whatsapp', request_id: state.randomBytes(16).toString('hex') });
}
