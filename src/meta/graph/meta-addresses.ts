import type { MetaConfig } from '../../config/config.ts';

/** Meta's host for WhatsApp media. */
export const MEDIA_HOST = 'lookaside.fbsbx.com';
const GRAPH_HOST = 'graph.facebook.com';
/** Threads' API answers at both, and its answers may name either, whichever was called. */
const THREADS_HOSTS = ['graph.threads.net', 'graph.threads.com'] as const;
/** Hosts that serve pictures and videos to anybody who has the address (`/me/picture` redirects there). */
const PUBLIC_MEDIA_SUFFIXES = ['.fbcdn.net', '.cdninstagram.com', '.fbsbx.com'];

/** The bases of the Graph API: those that take tokens, and so may stand in paging links. */
export function graphBaseUrls(meta: MetaConfig): string[] {
  return [meta.graphUrl, meta.instagramGraphUrl, ...threadsBaseUrls(meta)];
}

/** The configured base of Threads' API, its sibling (of a stand-in for Meta too), and Meta's own two hosts. */
function threadsBaseUrls({ threadsGraphUrl }: MetaConfig): string[] {
  const siblings = THREADS_HOSTS.flatMap((host) =>
    THREADS_HOSTS.filter((other) => threadsGraphUrl.includes(host) && other !== host).map((other) =>
      threadsGraphUrl.replace(host, other),
    ),
  );
  return [...new Set([threadsGraphUrl, ...siblings, ...THREADS_HOSTS.map((host) => `https://${host}`)])];
}

/** Where WhatsApp's media are: the sibling of the Graph host, of a stand-in for Meta too; null where there is none. */
export function mediaBaseUrl({ graphUrl }: MetaConfig): string | null {
  return graphUrl.includes(GRAPH_HOST) ? graphUrl.replace(GRAPH_HOST, MEDIA_HOST) : null;
}

/** Whether an address is one of Meta's public media hosts, in its plain form. */
export function isPublicMediaUrl(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || url.protocol !== 'https:' || url.port !== '' || url.username !== '') return false;
  return PUBLIC_MEDIA_SUFFIXES.some((suffix) => url.hostname.endsWith(suffix));
}
