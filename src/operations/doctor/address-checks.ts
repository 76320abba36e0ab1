import type { Config } from '../../config/config.ts';
import type { Clock } from '../../platform/clock.ts';
import { type HttpClient, HttpRequestError, type HttpResponse } from '../../platform/http-client/http-client.ts';
import type { Random } from '../../platform/random.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

const TIMEOUT_MS = 8_000;
const MAX_SKEW_SECONDS = 60;

/** No API of Meta shows which redirect URIs the dashboard lists, so the finding spells ours out. */
export function checkRedirectUri({ publicUrl }: Config): Finding {
  const uri = `${publicUrl}/oauth/meta/callback`;
  const { protocol, hostname } = new URL(publicUrl);
  const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  const enter = `Enter it to the letter under Facebook Login, Settings, Valid OAuth Redirect URIs.`;
  if (protocol === 'https:') return fine('redirect_uri', `${uri} (${enter.toLowerCase().replace(/\.$/, '')})`);
  const detail = `The redirect URI ${uri} is not https: Meta's dialogs refuse it.`;
  const remedy = `Set PUBLIC_URL to the https address that browsers reach this service at. ${enter}`;
  return isLocal
    ? attention('redirect_uri', `${detail} For development on this machine that may do.`, remedy)
    : wrong('redirect_uri', detail, remedy);
}

/** Calls our own PUBLIC_URL as Meta would. */
export async function checkWebhookHandshake(
  { publicUrl, meta }: Config,
  http: HttpClient,
  random: Random,
): Promise<Finding> {
  const token = meta.webhookVerifyToken;
  if (token === null) {
    const detail = 'META_WEBHOOK_VERIFY_TOKEN is not set: every handshake is refused, so Meta sends no webhooks.';
    return attention('webhook_handshake', detail, "Set it to a random text and enter the same in the app's dashboard.");
  }
  const url = `${publicUrl}/webhooks/meta`;
  const challenge = String(random.bytes(4).readUInt32BE());
  const query = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.verify_token': token.expose(),
    'hub.challenge': challenge,
  });
  const response = await fetchOrNull(http, `${url}?${query.toString()}`);
  if (response === null) {
    const remedy = 'Start a replica, and check name, proxy and certificate of PUBLIC_URL from outside.';
    return attention('webhook_handshake', `${url} does not answer from here.`, remedy);
  }
  if (response.status === 200 && response.body.toString('utf8') === challenge) {
    return fine('webhook_handshake', `${url} answers the handshake`);
  }
  const detail = `${url} answers ${response.status} to the right verify token: Meta cannot subscribe.`;
  const remedy =
    'Run all replicas with the same META_WEBHOOK_VERIFY_TOKEN, and let the proxy pass /webhooks/meta unchanged.';
  return wrong('webhook_handshake', detail, remedy);
}

/** Meta's timestamps (issued_at, expires_at) are compared with our clock. */
export async function checkMetaClock({ meta }: Config, http: HttpClient, clock: Clock): Promise<Finding[]> {
  const response = await fetchOrNull(http, `${meta.graphUrl}/`);
  const metaTimeMs = Date.parse(response?.headers.date ?? '');
  if (Number.isNaN(metaTimeMs)) return [];
  const skewSeconds = Math.round((clock.now().getTime() - metaTimeMs) / 1000);
  if (Math.abs(skewSeconds) <= MAX_SKEW_SECONDS) return [fine('meta_clock', `${skewSeconds} s ahead of Meta's`)];
  const detail = `The database's clock is ${skewSeconds} s ahead of Meta's: expiries and callbacks are checked against the wrong time.`;
  return [wrong('meta_clock', detail, "Let the database's host keep its time by NTP.")];
}

/** Null: no response. */
async function fetchOrNull(http: HttpClient, url: string): Promise<HttpResponse | null> {
  try {
    return await http.send({ method: 'GET', url, timeoutMs: TIMEOUT_MS, maxBytes: 64 * 1024 });
  } catch (error) {
    if (error instanceof HttpRequestError) return null;
    throw error;
  }
}
