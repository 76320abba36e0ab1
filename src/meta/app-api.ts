import { Inject, Injectable } from '@nestjs/common';
import type { MetaCause } from '../platform/problem.ts';
import { readSubscription, type WebhookSubscription } from './assets/discovery-responses.ts';
import type { MetaVerdict } from './errors/classify-error.ts';
import { MetaError } from './errors/meta-error.ts';
import { requireApp } from './graph/app-credentials.ts';
import type { TokenHostName } from './graph/graph-host.ts';
import { GraphTransport } from './graph/graph-transport.ts';
import { asObject, readText } from './graph/lossless-json.ts';
import { paginate } from './graph/paginate.ts';
import { requestAppToken } from './graph/request-app-token.ts';

/** Whether Meta knows our app by its id and secret. `verdict` is `configuration` for wrong settings, else Meta could not be asked. */
export type AppCheck =
  | { ok: true; servedVersion: string | null }
  | { ok: false; verdict: MetaVerdict; meta: MetaCause };

/** Calls as the app itself, for `doctor` (META.md 2, 15). */
@Injectable()
export class AppApi {
  constructor(@Inject(GraphTransport) private readonly transport: GraphTransport) {}

  /** Asks for an app token by `client_credentials`; never throws `MetaError`. `threads`: the same at graph.threads.net. */
  async checkAppCredentials(host: TokenHostName = 'facebook'): Promise<AppCheck> {
    try {
      const response = await requestAppToken(this.transport, host);
      if (readText(asObject(response.json), 'access_token') === null) {
        return { ok: false, verdict: { kind: 'transient' }, meta: {} };
      }
      return { ok: true, servedVersion: response.servedVersion };
    } catch (error) {
      if (error instanceof MetaError) return { ok: false, verdict: error.verdict, meta: error.cause };
      throw error;
    }
  }

  /** The webhook subscriptions of our app. */
  async listSubscriptions(): Promise<WebhookSubscription[]> {
    const operation = 'list_subscriptions';
    const host = this.transport.host('facebook');
    const found: WebhookSubscription[] = [];
    const items = paginate(this.transport, {
      operation,
      context: 'app_call',
      host: 'facebook',
      method: 'GET',
      path: `/${host.version}/${encodeURIComponent(requireApp(host, operation).id)}/subscriptions`,
      auth: { by: 'app' },
      effect: 'read',
    });
    for await (const item of items) {
      const subscription = readSubscription(item);
      if (subscription !== null) found.push(subscription);
    }
    return found;
  }
}
