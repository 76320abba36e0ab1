import type { MetaConfig } from '../config/config.ts';
import { MEDIA_HOST } from './gateway-path.ts';

/** A base address of Meta's, and ours in its place. */
interface Base {
  /** Host and port. */
  authority: Buffer;
  /** Path of the base, without a trailing slash; mostly empty. */
  path: string;
  replacement: string;
}

/** A piece of a buffer to be replaced. */
export interface LinkMatch {
  start: number;
  end: number;
  text: string;
}

/** Where WhatsApp's media lie: the Graph host's sister of that name, at a stand-in of Meta too; null where there is none. */
export function mediaBaseUrl(meta: MetaConfig): string | null {
  return meta.graphUrl.includes('graph.facebook.com') ? meta.graphUrl.replace('graph.facebook.com', MEDIA_HOST) : null;
}

/** Turns addresses of Meta's API into addresses of the gateway. */
export class LinkRewriter {
  readonly #bases: Base[];
  readonly #authorities: Buffer[];

  constructor(meta: MetaConfig, publicUrl: string) {
    const media = mediaBaseUrl(meta);
    const pairs: [string | null, string][] = [
      [meta.graphUrl, '/graph'],
      [meta.instagramGraphUrl, '/graph'],
      [meta.threadsGraphUrl, '/graph'],
      [meta.graphVideoUrl, '/graph-video'],
      [meta.ruploadUrl, '/rupload'],
      [media, `/graph/${MEDIA_HOST}`],
    ];
    const bases = pairs.flatMap(([url, path]) => (url === null ? [] : [toBase(url, publicUrl + path)]));
    // A base whose path goes on from another's counts first; of equal ones the first.
    this.#bases = bases.sort((a, b) => b.path.length - a.path.length);
    const names = new Set(bases.map((base) => base.authority.toString('latin1')));
    this.#authorities = [...names].map((name) => Buffer.from(name, 'latin1'));
  }

  /** The gateway's address for one of Meta's API; null for any other. */
  rewrite(url: string): string | null {
    const match = this.#matchAt(Buffer.from(`"${url}"`, 'utf8'), 1);
    return match === null ? null : match.text + url.slice(match.end - 1);
  }

  /** Every string of the JSON in `buffer` that begins with an address of Meta's API; slashes may be escaped, several times over. */
  find(buffer: Buffer): LinkMatch[] {
    const found: LinkMatch[] = [];
    for (const authority of this.#authorities) {
      for (let at = buffer.indexOf(authority); at >= 0; at = buffer.indexOf(authority, at + authority.length)) {
        const start = schemeStart(buffer, at);
        const match = start < 0 ? null : this.#matchAt(buffer, start);
        if (match !== null) found.push(match);
      }
    }
    return found;
  }

  #matchAt(buffer: Buffer, start: number): LinkMatch | null {
    const scheme = /^https?:(\\*)\/\1\//.exec(buffer.toString('latin1', start, start + 40));
    if (scheme === null || !isQuote(buffer[start - 1])) return null;
    const slash = `${scheme[1] ?? ''}/`;
    const at = start + scheme[0].length;
    for (const { authority, path, replacement } of this.#bases) {
      if (buffer.compare(authority, 0, authority.length, at, Math.min(at + authority.length, buffer.length)) !== 0)
        continue;
      const written = path.replaceAll('/', slash);
      const end = at + authority.length + written.length;
      if (written !== '' && buffer.toString('latin1', at + authority.length, end) !== written) continue;
      if (endsName(buffer[end])) return { start, end, text: replacement.replaceAll('/', slash) };
    }
    return null;
  }
}

function toBase(url: string, replacement: string): Base {
  const { host, pathname } = new URL(url);
  return { authority: Buffer.from(host, 'latin1'), path: pathname.replace(/\/+$/, ''), replacement };
}

/** Back over `https:\/\/` from the host behind it; -1 where something else stands there. */
function schemeStart(buffer: Buffer, host: number): number {
  const from = Math.max(0, host - 40);
  const match = /https?:\\*\/\\*\/$/.exec(buffer.toString('latin1', from, host));
  return match === null ? -1 : from + match.index;
}

function isQuote(byte: number | undefined): boolean {
  return byte === 0x22;
}

/** What may follow a base: `/`, an escaped one, `?`, `#`, the end of the string. Not a letter, a dot, a colon, an `@`. */
function endsName(byte: number | undefined): boolean {
  return byte === undefined || byte === 0x2f || byte === 0x5c || byte === 0x3f || byte === 0x23 || byte === 0x22;
}

/** Hosts that serve pictures and videos to anybody who has the address (`/me/picture` redirects there). */
const MEDIA_HOSTS = ['.fbcdn.net', '.cdninstagram.com', '.fbsbx.com'];

/** Whether an address is one of Meta's public media hosts, in its plain form. */
export function isMediaUrl(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || url.protocol !== 'https:' || url.port !== '' || url.username !== '') return false;
  return MEDIA_HOSTS.some((suffix) => url.hostname.endsWith(suffix));
}
