import type { MetaConfig } from '../../config/config.ts';
import { graphBaseUrls, MEDIA_HOST, mediaBaseUrl } from '../../meta/graph/meta-addresses.ts';

/** One of Meta's base addresses and its replacement. */
interface Base {
  /** Host and port. */
  authority: string;
  /** Path of the base, without a trailing slash; usually empty. */
  path: string;
  replacement: string;
}

/** A range of a text to be replaced. */
export interface LinkMatch {
  start: number;
  end: number;
  replacement: string;
}

/** Two slashes in a row: plain, in a JSON string, and in a JSON string within one. The rarest part is searched for. */
const SLASHES = ['//', '/\\/', '/\\\\\\/'];
const MAX_SCHEME_LENGTH = 'https:'.length;

/** Turns addresses of Meta's API into addresses of the gateway. */
export class LinkRewriter {
  readonly #bases: Base[];

  constructor(meta: MetaConfig, publicUrl: string) {
    const pairs: [string | null, string][] = [
      ...graphBaseUrls(meta).map((url): [string, string] => [url, '/graph']),
      [meta.graphVideoUrl, '/graph-video'],
      [meta.ruploadUrl, '/rupload'],
      [mediaBaseUrl(meta), `/graph/${MEDIA_HOST}`],
    ];
    const bases = pairs.flatMap(([url, path]) => (url === null ? [] : [toBase(url, publicUrl + path)]));
    // Of bases with a common beginning the longest wins; of equal ones the first.
    this.#bases = bases.sort((a, b) => b.path.length - a.path.length);
  }

  /** The gateway's address for one of Meta's API; null for any other. */
  rewrite(url: string): string | null {
    const [match] = this.find(`"${url}`);
    return match?.start === 1 ? match.replacement + url.slice(match.end - 1) : null;
  }

  /** Every JSON string in `text` (latin1) that begins with an address of Meta's API; slashes may be escaped, several times over. */
  find(text: string): LinkMatch[] {
    const found: LinkMatch[] = [];
    for (const slashes of SLASHES) {
      const slash = slashes.slice(1);
      for (let at = text.indexOf(slashes); at >= 0; at = text.indexOf(slashes, at + slashes.length)) {
        const start = schemeStart(text, at - slash.length + 1);
        const match = start < 0 ? null : this.#matchAt(text, start, at + slashes.length, slash);
        if (match !== null) found.push(match);
      }
    }
    return found;
  }

  #matchAt(text: string, start: number, host: number, slash: string): LinkMatch | null {
    for (const { authority, path, replacement } of this.#bases) {
      if (!text.startsWith(authority, host)) continue;
      const written = path.replaceAll('/', slash);
      const end = host + authority.length + written.length;
      if (!text.startsWith(written, host + authority.length) || !endsName(text.charCodeAt(end))) continue;
      return { start, end, replacement: replacement.replaceAll('/', slash) };
    }
    return null;
  }
}

function toBase(url: string, replacement: string): Base {
  const { host, pathname } = new URL(url);
  return { authority: host, path: pathname.replace(/\/+$/, ''), replacement };
}

/** Where the scheme before the slashes at `end` begins, if that is the beginning of a string; else -1. */
function schemeStart(text: string, end: number): number {
  const before = text.slice(Math.max(0, end - MAX_SCHEME_LENGTH - 1), end);
  const scheme = before.endsWith('"https:') ? 6 : before.endsWith('"http:') ? 5 : -1;
  return scheme < 0 ? -1 : end - scheme;
}

/** What may follow a base: `/`, an escaped one, `?`, `#`, the end of the string or of the text. Not a letter, a dot, a colon, an `@`. */
function endsName(code: number): boolean {
  return Number.isNaN(code) || code === 0x2f || code === 0x5c || code === 0x3f || code === 0x23 || code === 0x22;
}
