import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { AppRecord } from '../state/records.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';

/**
 * `/{app-id}/subscriptions` with an app token. Creating one runs the handshake (docs/meta-facts.md#webhooks-of-meta).
 */
export const appEdges: EdgeTable = {
  'GET app/subscriptions': (context) => {
    const data = Object.values(appOf(context).subscriptions).map((one) => ({
      object: one.object,
      callback_url: one.callbackUrl,
      active: true,
      fields: one.fields.map((name) => ({ name, version: context.call.version })),
    }));
    return ok({ data });
  },
  'POST app/subscriptions': subscribe,
  'DELETE app/subscriptions': (context) => {
    const app = appOf(context);
    const object = context.call.params.get('object');
    const fields = splitList(context.call.params.get('fields'));
    const subscription = object === undefined ? undefined : app.subscriptions[object];
    if (object === undefined) app.subscriptions = {};
    else if (subscription !== undefined && fields.length > 0)
      subscription.fields = subscription.fields.filter((field) => !fields.includes(field));
    else delete app.subscriptions[object];
    context.state.store.onChange();
    return success();
  },
};

function appOf({ caller, node }: EdgeContext): AppRecord {
  if (caller.kind !== 'app' || node.type !== 'app')
    throw oauthError(15, '(#15) This method must be called with an app access_token.');
  return node.record;
}

async function subscribe(context: EdgeContext): Promise<MetaResponse> {
  const app = appOf(context);
  const { params } = context.call;
  const required = (name: string): string => {
    const value = params.get(name);
    if (value === undefined || value === '') throw oauthError(100, `(#100) The parameter ${name} is required`);
    return value;
  };
  const object = required('object');
  const callbackUrl = required('callback_url');
  const verifyToken = required('verify_token');
  const fields = splitList(params.get('fields'));
  if (!URL.canParse(callbackUrl) || !(await context.state.callbacks.handshake(callbackUrl, verifyToken))) {
    throw oauthError(
      2200,
      '(#2200) Callback verification failed with the following errors: HTTP Status Code or challenge mismatch',
    );
  }
  const before = app.subscriptions[object]?.fields ?? [];
  app.subscriptions[object] = { object, callbackUrl, verifyToken, fields: [...new Set([...before, ...fields])] };
  context.state.store.onChange();
  return success();
}

function splitList(text: string | undefined): string[] {
  return (text ?? '')
    .replace(/[[\]"\s]/g, '')
    .split(',')
    .filter((part) => part !== '');
}
