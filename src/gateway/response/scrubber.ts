import type { ResponseToken } from '../../leases/token-replacement.service.ts';
import { EMPTY_BUFFER } from '../empty-buffer.ts';
import type { LinkRewriter } from './link-rewriter.ts';
import { findSiblingId } from './sibling-id.ts';
import { type Secret, TokenFinder, type TokenMatch } from './token-finder.ts';

/** Gives gateway leases for Meta's tokens, where they are ours to lease; a token without an entry is removed. */
type TokenExchange = (seen: ResponseToken[]) => Promise<ReadonlyMap<string, string>>;

interface Edit {
  start: number;
  end: number;
  text: string;
}

type Found = TokenMatch | { start: number; end: number; kind: 'link'; replacement: string };

/** Longer than any token in any spelling, with its name. What is looked for cannot reach further back from the end of what has come. */
const MAX_TOKEN_SPAN = 8 * 1024;
/** How far an object is looked through for its id: back over what has gone out, and on over what is held back for it. */
const ID_SEARCH_WINDOW = 32 * 1024;
const NO_LEASES: ReadonlyMap<string, string> = new Map();
const REMOVED = 'removed';

const COMMA = 0x2c;
const OPENING = new Set([0x7b, 0x5b]);
/** No finding goes over one of these: `{ } [ ] ,`. */
const SAFE_CUT_BYTES = new Set([0x7b, 0x7d, 0x5b, 0x5d, COMMA]);
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Works on text with a character a byte (latin1): searching it is native code, and so is putting pieces together.
 *
 * Takes an answer of Meta's in pieces and gives it back without a byte of a token: the ones of this call become the lease that
 * made it, those that we hold become fresh leases, others go. Addresses of Meta's API become the gateway's. A finding that is cut
 * by the border of two pieces waits for its other half, so the output does not depend on how the input was cut.
 */
export class Scrubber {
  readonly #finder: TokenFinder;
  #rest = '';
  /** The end of what has been passed on, as it came: `ID_SEARCH_WINDOW` or a piece more. */
  #emitted: string[] = [];
  #emittedLength = 0;
  /** The last byte of the output that is no blank: tells whether a member that goes was the first of its object. */
  #last = 0;

  constructor(
    secrets: readonly Secret[],
    private readonly links: LinkRewriter,
    private readonly exchange: TokenExchange,
  ) {
    this.#finder = new TokenFinder(secrets);
  }

  /** What can be passed on after this piece: a buffer, or the promise of one where tokens must be looked up first. */
  push(chunk: Buffer): Buffer | Promise<Buffer> {
    const whole = this.#rest + chunk.toString('latin1');
    return this.#process(whole, safeCut(whole), chunk);
  }

  /** What was held back; to be called only where the answer came to its proper end. */
  end(chunk: Buffer = EMPTY_BUFFER): Buffer | Promise<Buffer> {
    const whole = this.#rest + chunk.toString('latin1');
    return this.#process(whole, whole.length, chunk);
  }

  /** A short text (a header's value) at once; unknown tokens go. */
  scrubText(text: string): string {
    if (!this.#finder.mayFind(text)) return text;
    const edits = toEdits(text, this.#find(text), NO_LEASES, this.#last);
    return edits.length === 0 ? text : applyEdits(text, edits, text.length).toString('latin1');
  }

  /** `piece` is the end of `whole`. */
  #process(whole: string, safe: number, chunk: Buffer): Buffer | Promise<Buffer> {
    const found = this.#find(whole).filter(({ start }) => start < safe);
    if (!found.some(({ kind }) => kind === 'unknown')) return this.#emit(whole, safe, found, NO_LEASES, chunk);
    const { seen, cut } = this.#identify(whole, safe, found);
    const kept = cut === safe ? found : found.filter(({ start }) => start < cut);
    if (seen.length === 0) return this.#emit(whole, cut, kept, NO_LEASES, chunk);
    return this.exchange(seen).then((leases) => this.#emit(whole, cut, kept, leases, chunk));
  }

  /** Unknown tokens with the ids of their objects. One whose id is still to come waits, and what is behind it. */
  #identify(whole: string, safe: number, found: readonly Found[]): { seen: ResponseToken[]; cut: number } {
    const isEnd = safe === whole.length;
    const shift = this.#emittedLength;
    const text = this.#emitted.join('') + whole;
    const ids = new Map<string, string | null>();
    const unknown = found.filter((finding) => finding.kind === 'unknown');
    // A token may be found by its name and by its form: the name comes first, because it tells the object.
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

/** Where a member begins with the comma ahead of it, which goes if the member does. */
function startWithComma(text: string, start: number): number {
  let at = start;
  while (at > 0 && BLANKS.has(text.charCodeAt(at - 1))) at--;
  return at > 0 && text.charCodeAt(at - 1) === COMMA ? at - 1 : start;
}

function toSeenTokens(ids: ReadonlyMap<string, string | null>): ResponseToken[] {
  return [...ids].map(([metaToken, objectId]) => ({ metaToken, objectId }));
}

/** Where a text can be cut so that nothing that is looked for lies across: before the last border, or out of reach of the end. */
function safeCut(text: string): number {
  const furthest = Math.max(0, text.length - MAX_TOKEN_SPAN);
  for (let at = text.length - 1; at > furthest; at--) {
    if (SAFE_CUT_BYTES.has(text.charCodeAt(at))) return at;
  }
  return furthest;
}

const RANK = { secret: 0, link: 1, unknown: 2 } as const;

/** In order and without overlaps: of two findings at one place the surer one counts, else the one that begins first. */
function toEdits(whole: string, found: Found[], leases: ReadonlyMap<string, string>, last: number): Edit[] {
  found.sort((a, b) => a.start - b.start || RANK[a.kind] - RANK[b.kind] || b.end - a.end);
  const edits: Edit[] = [];
  let position = 0;
  for (const finding of found) {
    // The rest of an unknown token whose beginning was one that is known: it goes, too.
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

/** Takes a member out of its object, with the one comma that goes with it. */
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

/** The last byte but blanks that the output has up to `end` with these edits made; `last` where it has none. */
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
