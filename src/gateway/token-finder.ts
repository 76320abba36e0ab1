import { byteSet, decodeSpellings, ENCODED_TOKEN_CHARACTER, encodedPattern, hasEncoded } from './encoded-text.ts';

/** A token that an answer must not show, and what stands in for it. */
export interface Secret {
  value: string;
  replacement: string;
}

/** Something in a buffer that has to go. */
export type Finding =
  | { start: number; end: number; kind: 'secret'; replacement: string }
  /** A token that we do not know; `token` is its plain form. `keyStart`: it is the value of this member of a JSON object, which ends at `memberEnd`. */
  | { start: number; end: number; kind: 'unknown'; token: string; member: { start: number; end: number } | null };

const KEY = 'access_token';
const KEY_BYTES = Buffer.from(KEY);
/** What Meta's tokens begin with (META.md 19.16). A hint only: for tokens in places that nothing else tells of. */
const PREFIXES = ['EAA', 'IGAA', 'IGQV', 'THAA', 'THQV'];
const PREFIX_BYTES = PREFIXES.map((prefix) => Buffer.from(prefix));
const SHORTEST_TOKEN = 40;
const TOKEN_AT_START = new RegExp(`^(?:${PREFIXES.join('|')})`);
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Finds tokens in pieces of answers: known ones in every spelling, unknown ones by the name or form they have. */
export class TokenFinder {
  readonly #secrets: { bytes: Buffer; secret: Secret }[];
  readonly #hidden: Uint8Array;
  #patterns: { pattern: RegExp; secret: Secret }[] | null = null;

  constructor(secrets: readonly Secret[]) {
    this.#secrets = secrets.map((secret) => ({ bytes: Buffer.from(secret.value, 'latin1'), secret }));
    this.#hidden = byteSet([LETTERS, ...secrets.map(({ value }) => value)]);
  }

  /** All findings, unsorted; they may overlap. */
  find(buffer: Buffer): Finding[] {
    const found: Finding[] = [];
    this.#findPlain(buffer, found);
    findKeys(buffer, found);
    findByForm(buffer, found);
    if (hasEncoded(buffer, this.#hidden)) this.#findEncoded(buffer, found);
    return found;
  }

  #findPlain(buffer: Buffer, found: Finding[]): void {
    for (const { bytes, secret } of this.#secrets) {
      for (let at = buffer.indexOf(bytes); at >= 0; at = buffer.indexOf(bytes, at + bytes.length)) {
        found.push({ start: at, end: at + bytes.length, kind: 'secret', replacement: secret.replacement });
      }
    }
  }

  #findEncoded(buffer: Buffer, found: Finding[]): void {
    const text = buffer.toString('latin1');
    this.#patterns ??= this.#secrets.map(({ secret }) => ({
      pattern: new RegExp(encodedPattern(secret.value), 'g'),
      secret,
    }));
    for (const { pattern, secret } of this.#patterns) {
      for (const match of text.matchAll(pattern)) {
        found.push({
          start: match.index,
          end: match.index + match[0].length,
          kind: 'secret',
          replacement: secret.replacement,
        });
      }
    }
    for (const match of text.matchAll(ENCODED_KEY))
      readValue(buffer, match.index, match.index + match[0].length, found);
    for (const match of text.matchAll(ENCODED_RUN)) {
      const token = decodeSpellings(match[0]);
      if (TOKEN_AT_START.test(token)) {
        found.push({ start: match.index, end: match.index + match[0].length, kind: 'unknown', token, member: null });
      }
    }
  }
}

const ENCODED_KEY = new RegExp(encodedPattern(KEY), 'g');
const ENCODED_RUN = new RegExp(`${ENCODED_TOKEN_CHARACTER}{${SHORTEST_TOKEN},}`, 'g');

function findKeys(buffer: Buffer, found: Finding[]): void {
  for (let at = buffer.indexOf(KEY_BYTES); at >= 0; at = buffer.indexOf(KEY_BYTES, at + KEY_BYTES.length)) {
    readValue(buffer, at, at + KEY_BYTES.length, found);
  }
}

/** What stands behind the name: a JSON string behind `":"`, however often escaped, or a parameter's value behind `=`. */
function readValue(buffer: Buffer, nameStart: number, nameEnd: number, found: Finding[]): void {
  const behind = buffer.toString('latin1', nameEnd, nameEnd + 64);
  const json = /^(\\*)"\s*:\s*\1"/.exec(behind);
  if (json !== null) {
    const start = nameEnd + json[0].length;
    const end = stringEnd(buffer, start, json[1]?.length ?? 0);
    const memberStart = keyStart(buffer, nameStart);
    const member = memberStart < 0 ? null : { start: memberStart, end: end + (json[1]?.length ?? 0) + 1 };
    pushUnknown(buffer, start, end, member, found);
    return;
  }
  const parameter = /^(?:=|(?:%|\\+u0025)(?:25)*3[dD]|\\+u003[dD])/.exec(behind);
  if (parameter === null) return;
  const start = nameEnd + parameter[0].length;
  const value = PARAMETER_VALUE.exec(buffer.toString('latin1', start, start + 4096));
  pushUnknown(buffer, start, start + (value?.[0].length ?? 0), null, found);
}

const PARAMETER_VALUE =
  /^(?:[A-Za-z0-9_.~|:+/-]|\\+\/|(?:%|\\+u0025)(?:25)*(?!2[036]|25)[0-9A-Fa-f]{2}|\\+u00(?!2[0236]|3[ce]|25)[2-7][0-9A-Fa-f])*/i;

function pushUnknown(
  buffer: Buffer,
  start: number,
  end: number,
  member: { start: number; end: number } | null,
  found: Finding[],
): void {
  if (end <= start) return;
  const token = decodeSpellings(buffer.toString('latin1', start, end));
  if (!token.startsWith('mtl_')) found.push({ start, end, kind: 'unknown', token, member });
}

/** The quote that ends a string whose own quotes have `depth` backslashes; a deeper one has more. The end of the buffer where there is none. */
function stringEnd(buffer: Buffer, start: number, depth: number): number {
  for (let at = buffer.indexOf(QUOTE, start); at >= 0; at = buffer.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (at - backslashes > start && buffer[at - backslashes - 1] === BACKSLASH) backslashes++;
    if (backslashes <= depth) return at - backslashes;
  }
  return buffer.length;
}

/** Where the name that ends in `access_token` begins, with its quote and the quote's backslashes; -1 where that can't be told. */
function keyStart(buffer: Buffer, nameStart: number): number {
  let at = nameStart;
  while (at > 0 && isWordByte(buffer[at - 1])) at--;
  if (buffer[at - 1] !== QUOTE) return -1;
  at--;
  while (at > 0 && buffer[at - 1] === BACKSLASH) at--;
  return at;
}

function findByForm(buffer: Buffer, found: Finding[]): void {
  for (const prefix of PREFIX_BYTES) {
    for (let at = buffer.indexOf(prefix); at >= 0; at = buffer.indexOf(prefix, at + 1)) {
      if (isWordByte(buffer[at - 1]) && !followsEscape(buffer, at)) continue;
      let end = at + prefix.length;
      while (isWordByte(buffer[end])) end++;
      if (end - at >= SHORTEST_TOKEN) {
        found.push({ start: at, end, kind: 'unknown', token: buffer.toString('latin1', at, end), member: null });
      }
      at = end - 1;
    }
  }
}

/** A letter or digit before a token may be the end of `%3D`, `\n` or the like. */
function followsEscape(buffer: Buffer, at: number): boolean {
  return (
    buffer[at - 3] === 0x25 ||
    buffer[at - 2] === BACKSLASH ||
    buffer.toString('latin1', Math.max(0, at - 6), at - 3) === '\\u0'
  );
}

function isWordByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x7a) || byte === 0x5f || byte === 0x2d;
}
