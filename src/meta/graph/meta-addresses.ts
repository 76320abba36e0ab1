import type { MetaConfig } from '../../config/config.ts';

/** Meta's host for WhatsApp media. */
export const MEDIA_HOST = 'lookaside.fbsbx.com';
const GRAPH_HOST = 'graph.facebook.com';
/** Hosts that serve pictures and videos to anybody who has the address (`/me/picture` redirects there). */
const PUBLIC_MEDIA_SUFFIXES = ['.fbcdn.net', '.cdninstagram.com', '.fbsbx.com'];

/** The bases of the Graph API: those that take tokens. */
export function graphBaseUrls(meta: MetaConfig): string[] {
  return [meta.graphUrl, meta.instagramGraphUrl, meta.threadsGraphUrl];
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
