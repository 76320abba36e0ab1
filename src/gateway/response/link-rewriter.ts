import type { MetaConfig } from '../../config/config.ts';
import { graphBaseUrls, MEDIA_HOST, mediaBaseUrl } from '../../meta/graph/meta-addresses.ts';

/** A base URL of Meta's API and its replacement. */
interface Base {
  /** Host and port. */
  authority: string;
  /** Without a trailing slash; usually empty. */
  path: string;
  replacement: string;
}

/** A range of text to replace. */
export interface LinkMatch {
  start: number;
  end: number;
  replacement: string;
}

/** `//` plain, in a JSON string, and in a JSON string inside one. Searched for because it is rare. */
const SLASHES = ['//', '/\\/', '/\\\\\\/'];
const MAX_SCHEME_LENGTH = 'https:'.length;

/** Rewrites URLs of Meta's API to URLs of the gateway. */
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
    // The longest base wins; of equal ones the first.
    this.#bases = bases.sort((a, b) => b.path.length - a.path.length);
  }

  /** Returns the gateway's URL for one of Meta's API; null for any other. */
  rewrite(url: string): string | null {
    const [match] = this.find(`"${url}`);
    return match?.start === 1 ? match.replacement + url.slice(match.end - 1) : null;
  }

  /**
   * Finds JSON strings in `text` (latin1) that begin with a URL of Meta's API, with slashes escaped any number of
   * times.
   */
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

/** Returns where the scheme before the slashes at `end` begins, if a string begins there; else -1. */
function schemeStart(text: string, end: number): number {
  const before = text.slice(Math.max(0, end - MAX_SCHEME_LENGTH - 1), end);
  const scheme = before.endsWith('"https:') ? 6 : before.endsWith('"http:') ? 5 : -1;
  return scheme < 0 ? -1 : end - scheme;
}

/**
 * Returns whether a base URL may end here: at `/`, plain or escaped, `?`, `#`, the end of the string or of the text.
 */
function endsName(code: number): boolean {
  return Number.isNaN(code) || code === 0x2f || code === 0x5c || code === 0x3f || code === 0x23 || code === 0x22;
}
