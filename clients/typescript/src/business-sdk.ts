import { gatewayUrl } from './graph.ts';
import type { Lease } from './lease.ts';
import { callWithLease, type LeaseSource } from './lease-source.ts';

/** The hosts built into Meta's SDK, and the gateway's hosts that replace them. */
const HOSTS: Readonly<Record<string, string>> = {
  '': 'graph',
  'https://graph.facebook.com': 'graph',
  'https://graph-video.facebook.com': 'graph-video',
};
/** The SDK refuses to start without a token. */
const NO_TOKEN = 'lease';

type Call = (
  method: string,
  path: string | readonly string[],
  params?: object,
  files?: object,
  useMultipartFormData?: boolean,
  urlOverride?: string,
) => Promise<unknown>;

/** The used part of `FacebookAdsApi`, which ships no types. */
interface BusinessSdkApi {
  accessToken: string;
  call: Call;
}
export type BusinessSdkApiClass<A> = new (accessToken: string, locale: string, crashLog: boolean) => A;

/**
 * Creates a `FacebookAdsApi` whose calls go to the gateway, each with the current lease. A lease that is refused is
 * replaced once. The SDK's crash reporter, which reports to Meta, stays off.
 */
export function createBusinessSdkApi<A extends object>(Api: BusinessSdkApiClass<A>, leases: LeaseSource): A {
  const api = new Api(NO_TOKEN, 'en_US', false) as A & BusinessSdkApi;
  const original = api.call.bind(api);
  const send = async (lease: Lease, call: Parameters<Call>): Promise<unknown> => {
    const [method, path, params, files, multipart, host = ''] = call;
    const name = HOSTS[host];
    if (name === undefined) throw new TypeError(`A call with a lease goes to the gateway, not to ${host}.`);
    const base = gatewayUrl(lease.graphBaseUrl, name, '').href.replace(/\/$/, '');
    const place = typeof path === 'string' ? withLease(path, lease) : path;
    // The SDK reads the token before it returns, so concurrent calls do not mix.
    api.accessToken = lease.accessToken;
    try {
      // A copy: the SDK adds the token to the parameters.
      return original(method, place, { ...params }, files, multipart, base);
    } finally {
      api.accessToken = NO_TOKEN;
    }
  };
  api.call = async (...call) => {
    const settle = (lease: Lease): Promise<PromiseSettledResult<unknown>> =>
      send(lease, call).then(
        (value) => ({ status: 'fulfilled', value }),
        (reason: unknown) => ({ status: 'rejected', reason: withoutToken(reason) }),
      );
    const isRefused = (outcome: PromiseSettledResult<unknown>): boolean =>
      outcome.status === 'rejected' && isLeaseRefused(outcome.reason);
    const outcome = await callWithLease(leases, settle, isRefused);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  };
  return api;
}

/** A paging link, with the current lease in place of the one it was made with. */
function withLease(link: string, lease: Lease): string {
  const url = gatewayUrl(lease.graphBaseUrl, 'graph', link);
  url.searchParams.set('access_token', lease.accessToken);
  return url.href;
}

function isLeaseRefused(error: unknown): boolean {
  const { status, response } = error as { status?: number; response?: { error_data?: { code?: string } } };
  return status === 401 && response?.error_data?.code === 'lease_invalid';
}

/** The SDK puts the URL of a call, with its token, into its errors. */
function withoutToken(error: unknown): unknown {
  const { url } = error as { url?: unknown };
  if (typeof url === 'string')
    (error as { url: string }).url = url.replace(/([?&]access_token=)[^&]*/g, '$1[redacted]');
  return error;
}
