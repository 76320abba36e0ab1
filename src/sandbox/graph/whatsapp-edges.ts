import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { WabaRecord } from '../state/records.ts';
import { requireScope } from '../tokens/graph-caller.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { listNodes } from './graph-edge.ts';
import { phoneView } from './node-views.ts';

const management = 'whatsapp_business_management';
const OVERRIDE_WITHOUT_SUBSCRIPTION =
  '(#100) Before override the current callback uri, your app must be subscribed to receive messages for ' +
  'WhatsApp Business Account';

/** Edges of WhatsApp Business Accounts (docs/meta-facts.md#whatsapp-accounts-of-a-token). */
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
};

export function requireUserScope(context: EdgeContext, ...scopes: string[]): void {
  if (context.caller.kind === 'app') throw oauthError(100, '(#100) A system user or user access token is required');
  requireScope(context.caller.view, ...scopes);
}

function waba({ node }: EdgeContext): WabaRecord {
  if (node.type !== 'waba') throw oauthError(100, '(#100) Not a WhatsApp Business Account');
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

/**
 * Subscribes, or sets an override, which needs an earlier subscription and passes Meta's handshake
 * (docs/meta-facts.md#whatsapp-accounts-of-a-token).
 */
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
