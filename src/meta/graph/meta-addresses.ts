import type { MetaConfig } from '../../config/config.ts';

/** Host of WhatsApp media. */
export const MEDIA_HOST = 'lookaside.fbsbx.com';
const GRAPH_HOST = 'graph.facebook.com';
/** The Threads API answers at both hosts, and responses may name either one. */
const THREADS_HOSTS = ['graph.threads.net', 'graph.threads.com'] as const;
/** Hosts whose pictures and videos need no token (`/me/picture` redirects there). */
const PUBLIC_MEDIA_SUFFIXES = ['.fbcdn.net', '.cdninstagram.com', '.fbsbx.com'];

/** Base URLs that accept tokens, and so may appear in paging links. */
export function graphBaseUrls(meta: MetaConfig): string[] {
  return [meta.graphUrl, meta.instagramGraphUrl, ...threadsBaseUrls(meta)];
}

/** The configured Threads base URL, its sibling (also at the sandbox), and Meta's own two hosts. */
function threadsBaseUrls({ threadsGraphUrl }: MetaConfig): string[] {
  const siblings = THREADS_HOSTS.flatMap((host) =>
    THREADS_HOSTS.filter((other) => threadsGraphUrl.includes(host) && other !== host).map((other) =>
      threadsGraphUrl.replace(host, other),
    ),
  );
  return [...new Set([threadsGraphUrl, ...siblings, ...THREADS_HOSTS.map((host) => `https://${host}`)])];
}

/** Returns the WhatsApp media host that belongs to the Graph host, Meta's or the sandbox's; null if there is none. */
export function mediaBaseUrl({ graphUrl }: MetaConfig): string | null {
  return graphUrl.includes(GRAPH_HOST) ? graphUrl.replace(GRAPH_HOST, MEDIA_HOST) : null;
}

/** Whether a URL is a plain https URL of one of Meta's public media hosts. */
export function isPublicMediaUrl(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || url.protocol !== 'https:' || url.port !== '' || url.username !== '') return false;
  return PUBLIC_MEDIA_SUFFIXES.some((suffix) => url.hostname.endsWith(suffix));
}
