import type { Config } from '../../config/config.ts';
import type { Clock } from '../../platform/clock.ts';
import { type HttpClient, HttpRequestError, type HttpResponse } from '../../platform/http-client/http-client.ts';
import type { Random } from '../../platform/random.ts';
import { attention, type Finding, fine, wrong } from './finding.ts';

const TIMEOUT_MS = 8_000;
const MAX_SKEW_SECONDS = 60;

/** Spells out our redirect URI, because no Meta API shows which ones the dashboard lists. */
export function checkRedirectUri({ publicUrl }: Config): Finding {
  const uri = `${publicUrl}/oauth/meta/callback`;
  const { protocol, hostname } = new URL(publicUrl);
  const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  const steps = 'enter it exactly under Facebook Login, Settings, Valid OAuth Redirect URIs';
  if (protocol === 'https:') return fine('redirect_uri', `${uri} (${steps})`);
  const detail = `The redirect URI ${uri} is not https: Meta's dialogs refuse it.`;
  const remedy = `Set PUBLIC_URL to the https URL where browsers reach this service; ${steps}.`;
  return isLocal
    ? attention('redirect_uri', `${detail} That is fine for development on this machine.`, remedy)
    : wrong('redirect_uri', detail, remedy);
}

/** Calls our PUBLIC_URL as Meta would. */
export async function checkWebhookHandshake(
  { publicUrl, meta }: Config,
  http: HttpClient,
  random: Random,
): Promise<Finding> {
  const token = meta.webhookVerifyToken;
  if (token === null) {
    const detail = 'META_WEBHOOK_VERIFY_TOKEN is not set: every handshake is refused, so Meta sends no webhooks.';
    return attention(
      'webhook_handshake',
      detail,
      "Set it to random text and enter the same text in the app's dashboard.",
    );
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
    const remedy = "Start a replica, and check PUBLIC_URL's host name, proxy and certificate from outside.";
    return attention('webhook_handshake', `${url} does not respond from here.`, remedy);
  }
  if (response.status === 200 && response.body.toString('utf8') === challenge) {
    return fine('webhook_handshake', `${url} accepts the handshake`);
  }
  const detail = `${url} responds ${response.status} to the right verify token: Meta cannot subscribe.`;
  const remedy =
    'Run all replicas with the same META_WEBHOOK_VERIFY_TOKEN, and make the proxy pass /webhooks/meta unchanged.';
  return wrong('webhook_handshake', detail, remedy);
}

/** Compares our clock with Meta's, whose timestamps (issued_at, expires_at) we check. */
export async function checkMetaClock({ meta }: Config, http: HttpClient, clock: Clock): Promise<Finding[]> {
  const response = await fetchOrNull(http, `${meta.graphUrl}/`);
  const metaTimeMs = Date.parse(response?.headers.date ?? '');
  if (Number.isNaN(metaTimeMs)) return [];
  const skewSeconds = Math.round((clock.now().getTime() - metaTimeMs) / 1000);
  if (Math.abs(skewSeconds) <= MAX_SKEW_SECONDS) return [fine('meta_clock', `${skewSeconds} s ahead of Meta's`)];
  const effect = 'expiries and callbacks are checked against the wrong time';
  const detail = `The database's clock is ${skewSeconds} s ahead of Meta's: ${effect}.`;
  return [wrong('meta_clock', detail, "Synchronize the database host's clock with NTP.")];
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
