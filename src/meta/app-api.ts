import type { MetaCause } from '../platform/problem.ts';
import { readSubscription, type WebhookSubscription } from './assets/discovery-responses.ts';
import type { MetaVerdict } from './errors/classify-error.ts';
import { MetaError } from './errors/meta-error.ts';
import { requireApp } from './graph/app-credentials.ts';
import type { TokenHostName } from './graph/graph-host.ts';
import type { GraphResponse, GraphTransport } from './graph/graph-transport.ts';
import { asObject, readText } from './graph/lossless-json.ts';
import { paginate } from './graph/paginate.ts';
import { requestAppToken } from './graph/request-app-token.ts';

/**
 * Whether Meta accepts our app id and secret. `configuration`: wrong settings. Any other verdict: Meta gave no answer.
 */
export type AppCheck =
  | { ok: true; servedVersion: string | null }
  | { ok: false; verdict: MetaVerdict; meta: MetaCause; words: string | null };

/** Calls made as the app itself, for `doctor` (docs/meta-facts.md#code-exchange). */
export class AppApi {
  constructor(private readonly transport: GraphTransport) {}

  /** Requests an app token with `client_credentials`. Never throws `MetaError`. */
  async checkAppCredentials(host: TokenHostName = 'facebook'): Promise<AppCheck> {
    try {
      const response = await requestAppToken(this.transport, host);
      if (readText(asObject(response.json), 'access_token') === null) {
        return { ok: false, verdict: { kind: 'transient' }, meta: {}, words: null };
      }
      return { ok: true, servedVersion: response.servedVersion };
    } catch (error) {
      if (error instanceof MetaError) return toFailedCheck(error);
      throw error;
    }
  }

  /**
   * Whether id and secret belong together, also for native apps, to which Meta refuses `client_credentials`
   * (docs/meta-facts.md#code-exchange): then reads the app as itself. Never throws `MetaError`.
   */
  async verifyAppCredentials(host: TokenHostName = 'facebook'): Promise<AppCheck> {
    const check = await this.checkAppCredentials(host);
    if (check.ok || check.verdict.kind !== 'parameter' || this.transport.host(host).appRole !== 'app') return check;
    try {
      return { ok: true, servedVersion: (await this.readApp()).servedVersion };
    } catch (error) {
      if (error instanceof MetaError) return toFailedCheck(error);
      throw error;
    }
  }

  private readApp(): Promise<GraphResponse> {
    const operation = 'read_app';
    const host = this.transport.host('facebook');
    return this.transport.call({
      operation,
      context: 'app_call',
      host: 'facebook',
      method: 'GET',
      path: `/${host.version}/${encodeURIComponent(requireApp(host, operation).id)}`,
      query: { fields: 'id' },
      auth: { by: 'app' },
      effect: 'read',
      keepsWords: true,
    });
  }

  /** Lists our app's webhook subscriptions. Throws `MetaError`. */
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

function toFailedCheck({ verdict, cause, words }: MetaError): AppCheck {
  return { ok: false, verdict, meta: cause, words };
}
