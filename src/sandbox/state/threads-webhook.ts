import type { CallbackResult } from './callback-sender.ts';
import type { SandboxState } from './sandbox-state.ts';

export interface ThreadsWebhook {
  targetId: string;
  /** Default: `moderate`, with the field `replies`. */
  topic?: string;
  field?: string;
  value?: Record<string, unknown>;
  /** Sends `values` as a list with one item instead of an object. */
  asList?: boolean;
  subscriptionId?: string;
  url?: string;
  appId?: string;
  secret?: string;
}

/**
 * Posts a Threads webhook, which has its own shape and is signed by the Threads app
 * (docs/meta-facts.md#instagram-and-threads-apps).
 *
 * @throws Error if neither the call nor the app has a URL
 */
export function sendThreadsWebhook(state: SandboxState, request: ThreadsWebhook): Promise<CallbackResult> {
  const app = state.appById(request.appId ?? state.app.threadsAppId);
  const url = request.url ?? app.webhookUrl ?? null;
  if (url === null) throw new Error('the Threads app has no webhook URL: set webhookUrl, or pass url');
  const change = { value: request.value ?? {}, field: request.field ?? 'replies' };
  const payload = {
    app_id: app.id,
    topic: request.topic ?? 'moderate',
    target_id: request.targetId,
    time: Math.floor(state.now() / 1000),
    subscription_id: request.subscriptionId ?? state.store.nextId('50'),
    has_uid_field: false,
    values: request.asList === true ? [change] : change,
  };
  return state.callbacks.webhook(url, payload, request.secret ?? app.secret);
}
