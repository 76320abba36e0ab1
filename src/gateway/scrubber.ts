import type { SeenToken } from '../leases/gateway-leases.ts';
import type { LinkRewriter } from './link-rewriter.ts';
import { siblingId } from './sibling-id.ts';
import { type Finding, type Secret, TokenFinder } from './token-finder.ts';

/** Gives gateway leases for Meta's tokens, where they are ours to lease; a token without an entry is removed. */
export type TokenExchange = (seen: SeenToken[]) => Promise<ReadonlyMap<string, string>>;

interface Edit {
  start: number;
  end: number;
  text: string;
}

type Found = Finding | { start: number; end: number; kind: 'link'; replacement: string };

/** Longer than any token in any spelling, with its name. What is looked for cannot reach further back from the end of what has come. */
const REACH = 8 * 1024;
/** How far an object is looked through for its id: back over what has gone out, and on over what is held back for it. */
const LOOK_AROUND = 32 * 1024;
const NOTHING = Buffer.alloc(0);
const NO_LEASES: ReadonlyMap<string, string> = new Map();
const REMOVED = 'removed';

const COMMA = 0x2c;
const OPENING = new Set([0x7b, 0x5b]);
/** No finding goes over one of these: `{ } [ ] ,`. */
const BORDERS = new Set([0x7b, 0x7d, 0x5b, 0x5d, COMMA]);
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Takes an answer of Meta's in pieces and gives it back without a byte of a token: the ones of this call become the lease that
 * made it, those that we hold become fresh leases, others go. Addresses of Meta's API become the gateway's. A finding that is cut
 * by the border of two pieces waits for its other half, so the output does not depend on how the input was cut.
 */
export class Scrubber {
  readonly #finder: TokenFinder;
  #rest: Buffer = NOTHING;
  /** The end of what has been passed on, as it came: `LOOK_AROUND` or a piece more. */
  #past: Buffer[] = [];
  #pastLength = 0;
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
  push(piece: Buffer): Buffer | Promise<Buffer> {
    const whole = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    return this.#pass(whole, safeCut(whole));
  }

  /** What was held back; to be called only where the answer came to its proper end. */
  end(piece: Buffer = NOTHING): Buffer | Promise<Buffer> {
    const whole = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    return this.#pass(whole, whole.length);
  }

  /** A short text (a header's value) at once; unknown tokens go. */
  scrubText(text: string): string {
    const buffer = Buffer.from(text, 'latin1');
    const edits = toEdits(buffer, this.#find(buffer), NO_LEASES, this.#last);
    return edits.length === 0 ? text : applyEdits(buffer, edits, buffer.length).toString('latin1');
  }

  #pass(whole: Buffer, safe: number): Buffer | Promise<Buffer> {
    const found = this.#find(whole).filter(({ start }) => start < safe);
    if (!found.some(({ kind }) => kind === 'unknown')) return this.#emit(whole, safe, found, NO_LEASES);
    const { seen, cut } = this.#identify(whole, safe, found);
    const kept = cut === safe ? found : found.filter(({ start }) => start < cut);
    if (seen.length === 0) return this.#emit(whole, cut, kept, NO_LEASES);
    return this.exchange(seen).then((leases) => this.#emit(whole, cut, kept, leases));
  }

  /** Unknown tokens with the ids of their objects. One whose id is still to come waits, and what is behind it. */
  #identify(whole: Buffer, safe: number, found: readonly Found[]): { seen: SeenToken[]; cut: number } {
    const isEnd = safe === whole.length;
    const shift = this.#pastLength;
    const text = Buffer.concat([...this.#past, whole]).toString('latin1');
    const ids = new Map<string, string | null>();
    const unknown = found.filter((finding) => finding.kind === 'unknown');
    // A token may be found by its name and by its form: the name comes first, because it tells the object.
    unknown.sort((a, b) => a.start - b.start || Number(a.member === null) - Number(b.member === null));
    for (const { token, member } of unknown) {
      const id = member === null ? null : siblingId(text, { start: member.start + shift, end: member.end + shift });
      if (id === undefined && member !== null && !isEnd && whole.length - member.start < LOOK_AROUND) {
        return { seen: seenTokens(ids), cut: withItsComma(whole, member.start) };
      }
      ids.set(token, ids.get(token) ?? id ?? null);
    }
    return { seen: seenTokens(ids), cut: safe };
  }

  #emit(whole: Buffer, cut: number, found: Found[], leases: ReadonlyMap<string, string>): Buffer {
    const edits = found.length === 0 ? [] : toEdits(whole, found, leases, this.#last);
    const end = Math.max(cut, edits.at(-1)?.end ?? 0);
    this.#rest = whole.subarray(end);
    this.#remember(whole.subarray(0, end));
    const output = edits.length === 0 ? whole.subarray(0, end) : applyEdits(whole, edits, end);
    this.#last = lastByte(output, output.length) || this.#last;
    return output;
  }

  #remember(passed: Buffer): void {
    this.#past.push(passed);
    this.#pastLength += passed.length;
    for (let [first] = this.#past; first !== undefined; [first] = this.#past) {
      if (this.#pastLength - first.length < LOOK_AROUND) return;
      this.#past.shift();
      this.#pastLength -= first.length;
    }
  }

  #find(buffer: Buffer): Found[] {
    const text = buffer.toString('latin1');
    const found: Found[] = this.#finder.find(text);
    for (const link of this.links.find(text)) found.push({ ...link, kind: 'link' });
    return found;
  }
}

/** Where a member begins with the comma ahead of it, which goes if the member does. */
function withItsComma(buffer: Buffer, start: number): number {
  let at = start;
  while (at > 0 && BLANKS.has(buffer[at - 1] ?? 0)) at--;
  return at > 0 && buffer[at - 1] === COMMA ? at - 1 : start;
}

function seenTokens(ids: ReadonlyMap<string, string | null>): SeenToken[] {
  return [...ids].map(([metaToken, objectId]) => ({ metaToken, objectId }));
}

/** Where a buffer can be cut so that nothing that is looked for lies across: before the last border, or out of reach of the end. */
function safeCut(buffer: Buffer): number {
  const furthest = Math.max(0, buffer.length - REACH);
  for (let at = buffer.length - 1; at > furthest; at--) {
    if (BORDERS.has(buffer[at] ?? 0)) return at;
  }
  return furthest;
}

const RANK = { secret: 0, link: 1, unknown: 2 } as const;

/** In order and without overlaps: of two findings at one place the surer one counts, else the one that begins first. */
function toEdits(buffer: Buffer, found: Found[], leases: ReadonlyMap<string, string>, last: number): Edit[] {
  found.sort((a, b) => a.start - b.start || RANK[a.kind] - RANK[b.kind] || b.end - a.end);
  const edits: Edit[] = [];
  let position = 0;
  for (const finding of found) {
    // The rest of an unknown token whose beginning was one that is known: it goes, too.
    const start = Math.max(finding.start, position);
    if (finding.end <= start) continue;
    const edit =
      start === finding.start ? toEdit(buffer, finding, leases, edits, last) : { start, end: finding.end, text: '' };
    edits.push(edit);
    position = edit.end;
  }
  return edits;
}

function toEdit(
  buffer: Buffer,
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
  return withoutMember(buffer, finding.member, before, last) ?? { start, end, text: '' };
}

/** Takes a member out of its object, with the one comma that goes with it. */
function withoutMember(
  buffer: Buffer,
  member: { start: number; end: number },
  before: readonly Edit[],
  last: number,
): Edit | null {
  const position = before.at(-1)?.end ?? 0;
  if (member.start < position) return null;
  let at = member.start;
  while (at > position && BLANKS.has(buffer[at - 1] ?? 0)) at--;
  if (at > position && buffer[at - 1] === COMMA) return { start: at - 1, end: member.end, text: '' };
  const previous = at > position ? (buffer[at - 1] ?? 0) : lastOutput(buffer, before, last);
  if (!OPENING.has(previous)) return null;
  let end = member.end;
  while (BLANKS.has(buffer[end] ?? 0)) end++;
  return { start: member.start, end: buffer[end] === COMMA ? end + 1 : member.end, text: '' };
}

/** The last byte that the output has, with these edits made. */
function lastOutput(buffer: Buffer, edits: readonly Edit[], last: number): number {
  for (let index = edits.length - 1; index >= 0; index--) {
    const edit = edits[index];
    if (edit === undefined) break;
    if (edit.text !== '') return edit.text.charCodeAt(edit.text.length - 1);
    const from = edits[index - 1]?.end ?? 0;
    const byte = lastByte(buffer.subarray(from, edit.start), edit.start - from);
    if (byte !== 0) return byte;
  }
  return last;
}

function lastByte(buffer: Buffer, length: number): number {
  for (let at = length - 1; at >= 0; at--) {
    const byte = buffer[at] ?? 0;
    if (!BLANKS.has(byte)) return byte;
  }
  return 0;
}

function applyEdits(buffer: Buffer, edits: readonly Edit[], end: number): Buffer {
  let size = end;
  for (const edit of edits) size += edit.text.length - (edit.end - edit.start);
  const output = Buffer.allocUnsafe(size);
  let from = 0;
  let to = 0;
  for (const edit of edits) {
    to += buffer.copy(output, to, from, edit.start);
    to += output.write(edit.text, to, 'latin1');
    from = edit.end;
  }
  buffer.copy(output, to, from, end);
  return output;
}
