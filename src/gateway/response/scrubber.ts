import type { ResponseToken } from '../../leases/token-replacement.service.ts';
import { EMPTY_BUFFER } from '../empty-buffer.ts';
import type { LinkRewriter } from './link-rewriter.ts';
import { findSiblingId } from './sibling-id.ts';
import { type Secret, TokenFinder, type TokenMatch } from './token-finder.ts';

/** Issues leases for the tokens that we hold. Tokens without an entry in the result are removed. */
type TokenExchange = (seen: ResponseToken[]) => Promise<ReadonlyMap<string, string>>;

interface Edit {
  start: number;
  end: number;
  text: string;
}

type Found = TokenMatch | { start: number; end: number; kind: 'link'; replacement: string };

/** Maximum length of a match: longer than any encoded token with its name. */
const MAX_TOKEN_SPAN = 8 * 1024;
/** How far to search for an object's id: back in what was written, and ahead in what is held back for it. */
const ID_SEARCH_WINDOW = 32 * 1024;
const NO_LEASES: ReadonlyMap<string, string> = new Map();
const REMOVED = 'removed';

const COMMA = 0x2c;
const OPENING = new Set([0x7b, 0x5b]);
/** `{ } [ ] ,`, which no match contains. */
const SAFE_CUT_BYTES = new Set([0x7b, 0x7d, 0x5b, 0x5d, COMMA]);
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Removes tokens from a chunked response of Meta: the call's tokens become its lease, other tokens that we hold become
 * new leases, the rest is removed. URLs of Meta's API become the gateway's. Text is latin1, one character per byte,
 * whose search and concatenation are native. Output does not depend on how the input is cut into chunks.
 */
export class Scrubber {
  readonly #finder: TokenFinder;
  #rest = '';
  /** The last input processed: `ID_SEARCH_WINDOW`, or up to a chunk more. */
  #emitted: string[] = [];
  #emittedLength = 0;
  /** Last non-blank byte of the output: shows whether a removed member was the first of its object. */
  #last = 0;
  #hasChanged = false;

  constructor(
    secrets: readonly Secret[],
    private readonly links: LinkRewriter,
    private readonly exchange: TokenExchange,
  ) {
    this.#finder = new TokenFinder(secrets);
  }

  /** Whether anything was replaced or removed so far. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** Returns what can be written after this chunk, or a promise of it if tokens must be looked up first. */
  push(chunk: Buffer): Buffer | Promise<Buffer> {
    const whole = this.#rest + chunk.toString('latin1');
    return this.#process(whole, safeCut(whole), chunk);
  }

  /** Returns what was held back. Call only once the response is complete. */
  end(chunk: Buffer = EMPTY_BUFFER): Buffer | Promise<Buffer> {
    const whole = this.#rest + chunk.toString('latin1');
    return this.#process(whole, whole.length, chunk);
  }

  /** Scrubs a header value synchronously; removes unknown tokens. */
  scrubText(text: string): string {
    if (!this.#finder.mayFind(text)) return text;
    const edits = toEdits(text, this.#find(text), NO_LEASES, this.#last);
    return edits.length === 0 ? text : applyEdits(text, edits, text.length).toString('latin1');
  }

  /** `chunk` ends `whole`. */
  #process(whole: string, safe: number, chunk: Buffer): Buffer | Promise<Buffer> {
    const found = this.#find(whole).filter(({ start }) => start < safe);
    if (!found.some(({ kind }) => kind === 'unknown')) return this.#emit(whole, safe, found, NO_LEASES, chunk);
    const { seen, cut } = this.#identify(whole, safe, found);
    const kept = cut === safe ? found : found.filter(({ start }) => start < cut);
    if (seen.length === 0) return this.#emit(whole, cut, kept, NO_LEASES, chunk);
    return this.exchange(seen).then((leases) => this.#emit(whole, cut, kept, leases, chunk));
  }

  /** Finds unknown tokens and the ids of their objects. Cuts before a token whose id may still come. */
  #identify(whole: string, safe: number, found: readonly Found[]): { seen: ResponseToken[]; cut: number } {
    const isEnd = safe === whole.length;
    const shift = this.#emittedLength;
    const text = this.#emitted.join('') + whole;
    const ids = new Map<string, string | null>();
    const unknown = found.filter((finding) => finding.kind === 'unknown');
    // A token may match by name and by form: the match by name goes first, because it identifies the object.
    unknown.sort((a, b) => a.start - b.start || Number(a.member === null) - Number(b.member === null));
    for (const { token, member } of unknown) {
      const id = member === null ? null : findSiblingId(text, { start: member.start + shift, end: member.end + shift });
      if (id === undefined && member !== null && !isEnd && whole.length - member.start < ID_SEARCH_WINDOW) {
        return { seen: toSeenTokens(ids), cut: startWithComma(whole, member.start) };
      }
      ids.set(token, ids.get(token) ?? id ?? null);
    }
    return { seen: toSeenTokens(ids), cut: safe };
  }

  #emit(whole: string, cut: number, found: Found[], leases: ReadonlyMap<string, string>, chunk: Buffer): Buffer {
    const edits = found.length === 0 ? [] : toEdits(whole, found, leases, this.#last);
    this.#hasChanged ||= edits.length > 0;
    const end = Math.max(cut, edits.at(-1)?.end ?? 0);
    this.#rest = whole.slice(end);
    this.#rememberEmitted(whole.slice(0, end));
    const isPlain = edits.length === 0 && whole.length === chunk.length;
    const output = isPlain ? chunk.subarray(0, end) : applyEdits(whole, edits, end);
    this.#last = lastWritten(whole, edits, end, this.#last);
    return output;
  }

  #rememberEmitted(passed: string): void {
    this.#emitted.push(passed);
    this.#emittedLength += passed.length;
    for (let [first] = this.#emitted; first !== undefined; [first] = this.#emitted) {
      if (this.#emittedLength - first.length < ID_SEARCH_WINDOW) return;
      this.#emitted.shift();
      this.#emittedLength -= first.length;
    }
  }

  #find(text: string): Found[] {
    const found: Found[] = this.#finder.find(text);
    for (const link of this.links.find(text)) found.push({ ...link, kind: 'link' });
    return found;
  }
}

/** Returns the start of a member with the comma before it, to be removed with it. */
function startWithComma(text: string, start: number): number {
  let at = start;
  while (at > 0 && BLANKS.has(text.charCodeAt(at - 1))) at--;
  return at > 0 && text.charCodeAt(at - 1) === COMMA ? at - 1 : start;
}

function toSeenTokens(ids: ReadonlyMap<string, string | null>): ResponseToken[] {
  return [...ids].map(([metaToken, objectId]) => ({ metaToken, objectId }));
}

/** Returns a position that no match crosses: before the last boundary, or out of a match's reach from the end. */
function safeCut(text: string): number {
  const furthest = Math.max(0, text.length - MAX_TOKEN_SPAN);
  for (let at = text.length - 1; at > furthest; at--) {
    if (SAFE_CUT_BYTES.has(text.charCodeAt(at))) return at;
  }
  return furthest;
}

const RANK = { secret: 0, link: 1, unknown: 2 } as const;

/** Sorts matches and removes overlaps. At one position the more certain match wins, else the one that begins first. */
function toEdits(whole: string, found: Found[], leases: ReadonlyMap<string, string>, last: number): Edit[] {
  found.sort((a, b) => a.start - b.start || RANK[a.kind] - RANK[b.kind] || b.end - a.end);
  const edits: Edit[] = [];
  let position = 0;
  for (const finding of found) {
    // Also remove the rest of an unknown token that begins with a known one.
    const start = Math.max(finding.start, position);
    if (finding.end <= start) continue;
    const edit =
      start === finding.start ? toEdit(whole, finding, leases, edits, last) : { start, end: finding.end, text: '' };
    edits.push(edit);
    position = edit.end;
  }
  return edits;
}

function toEdit(
  whole: string,
  finding: Found,
  leases: ReadonlyMap<string, string>,
  before: readonly Edit[],
  last: number,
): Edit {
  const { start, end } = finding;
  if (finding.kind !== 'unknown') return { start, end, text: finding.replacement };
  const lease = leases.get(finding.token);
  if (lease !== undefined) return { start, end, text: lease };
  if (finding.member === null) return { start, end, text: REMOVED };
  return withoutMember(whole, finding.member, before, last) ?? { start, end, text: '' };
}

/** Removes a member with one adjacent comma. */
function withoutMember(
  whole: string,
  member: { start: number; end: number },
  before: readonly Edit[],
  last: number,
): Edit | null {
  const position = before.at(-1)?.end ?? 0;
  if (member.start < position) return null;
  let at = member.start;
  while (at > position && BLANKS.has(whole.charCodeAt(at - 1))) at--;
  if (at > position && whole.charCodeAt(at - 1) === COMMA) return { start: at - 1, end: member.end, text: '' };
  const previous = at > position ? whole.charCodeAt(at - 1) : lastWritten(whole, before, position, last);
  if (!OPENING.has(previous)) return null;
  let end = member.end;
  while (BLANKS.has(whole.charCodeAt(end))) end++;
  return { start: member.start, end: whole.charCodeAt(end) === COMMA ? end + 1 : member.end, text: '' };
}

/** Returns the last non-blank byte of the output up to `end` after these edits; `last` if there is none. */
function lastWritten(whole: string, edits: readonly Edit[], end: number, last: number): number {
  let to = end;
  for (let index = edits.length - 1; index >= -1; index--) {
    const edit = edits[index];
    const from = edit?.end ?? 0;
    for (let at = to - 1; at >= from; at--) {
      const byte = whole.charCodeAt(at);
      if (!BLANKS.has(byte)) return byte;
    }
    if (edit === undefined) break;
    if (edit.text !== '') return edit.text.charCodeAt(edit.text.length - 1);
    to = edit.start;
  }
  return last;
}

function applyEdits(whole: string, edits: readonly Edit[], end: number): Buffer {
  let output = '';
  let from = 0;
  for (const { start, end: to, text } of edits) {
    output += whole.slice(from, start) + text;
    from = to;
  }
  return Buffer.from(output + whole.slice(from, end), 'latin1');
}
