import { TOKEN_PREFIX_FAMILIES, TOKEN_PREFIXES } from '../../meta/tokens/token-prefixes.ts';
import {
  decodeAllEncodings,
  ENCODED_TOKEN_CHARACTER,
  encodedPattern,
  hasEncoded,
  mayHaveEncoded,
  toCharacterSet,
} from './encoded-text.ts';

/** A token that a response must not contain, with its replacement. */
export interface Secret {
  value: string;
  replacement: string;
}

/** A range of text to replace or remove. */
export type TokenMatch =
  | { start: number; end: number; kind: 'secret'; replacement: string }
  /** An unknown token. `token` is its plain form; `member` the JSON member whose value it is. */
  | { start: number; end: number; kind: 'unknown'; token: string; member: { start: number; end: number } | null };

const KEY = 'access_token';
/** The part of the name that is rarest in other text. */
const KEY_ANCHOR = '_token';
/** Every match contains one of these, except for known tokens in plain characters. */
const ANY_TOKEN_HINT = new RegExp(`_token|${TOKEN_PREFIX_FAMILIES.join('|')}|%|\\\\|&#|//`);
const MAX_PREFIX_LENGTH = Math.max(...TOKEN_PREFIXES.map((prefix) => prefix.length));
const MIN_TOKEN_LENGTH = 40;
const TOKEN_AT_START = new RegExp(`^(?:${TOKEN_PREFIXES.join('|')})`);
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Ends of known tokens in plain characters, by their beginnings. */
type KnownEnds = ReadonlyMap<number, number>;

const EQUALS = 0x3d;
/** Characters that end any token in any spelling: quote, `&`, blank, `<`. */
const ENDS = new Set([QUOTE, 0x26, 0x20, 0x3c]);

/**
 * Finds tokens in text decoded as latin1 (one character per byte): known ones in any spelling, unknown ones by name or
 * form.
 */
export class TokenFinder {
  #encodableCharacters: Uint8Array | null = null;
  #patterns: { pattern: RegExp; secret: Secret }[] | null = null;

  constructor(private readonly secrets: readonly Secret[]) {}

  /** Returns whether `find` or the search for URLs could match. A fast path for short texts, few of which do. */
  mayFind(text: string): boolean {
    return ANY_TOKEN_HINT.test(text) || this.secrets.some(({ value }) => text.includes(value));
  }

  /** Returns all matches, unsorted and possibly overlapping. */
  find(text: string): TokenMatch[] {
    const found: TokenMatch[] = [];
    const known = this.#findPlain(text, found);
    findKeys(text, known, found);
    findByForm(text, known, found);
    if (mayHaveEncoded(text) && hasEncoded(text, this.#getEncodableCharacters())) this.#findEncoded(text, known, found);
    // Known tokens need no lookup.
    return found.filter((finding) => finding.kind === 'secret' || !this.#isKnown(finding.token));
  }

  #isKnown(token: string): boolean {
    return this.secrets.some(({ value }) => value === token);
  }

  /** Created on demand: few responses contain encoded characters. */
  #getEncodableCharacters(): Uint8Array {
    this.#encodableCharacters ??= toCharacterSet([LETTERS, ...this.secrets.map(({ value }) => value)]);
    return this.#encodableCharacters;
  }

  /** Finds known tokens that end at a delimiter, as most matches do. */
  #findPlain(text: string, found: TokenMatch[]): KnownEnds {
    const known = new Map<number, number>();
    for (const { value, replacement } of this.secrets) {
      for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + value.length)) {
        const end = at + value.length;
        found.push({ start: at, end, kind: 'secret', replacement });
        if (ENDS.has(text.charCodeAt(end))) known.set(at, end);
      }
    }
    return known;
  }

  #findEncoded(text: string, known: KnownEnds, found: TokenMatch[]): void {
    this.#patterns ??= this.secrets.map((secret) => ({
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
    for (const match of text.matchAll(ENCODED_KEY)) {
      readValue(text, match.index, match.index + match[0].length, known, found);
    }
    for (const match of text.matchAll(ENCODED_RUN)) {
      const token = decodeAllEncodings(match[0]);
      if (TOKEN_AT_START.test(token)) {
        found.push({ start: match.index, end: match.index + match[0].length, kind: 'unknown', token, member: null });
      }
    }
  }
}

const ENCODED_KEY = new RegExp(encodedPattern(KEY), 'g');
const ENCODED_RUN = new RegExp(`${ENCODED_TOKEN_CHARACTER}{${MIN_TOKEN_LENGTH},}`, 'g');

function findKeys(text: string, known: KnownEnds, found: TokenMatch[]): void {
  const lead = KEY.length - KEY_ANCHOR.length;
  for (let at = text.indexOf(KEY_ANCHOR); at >= 0; at = text.indexOf(KEY_ANCHOR, at + KEY_ANCHOR.length)) {
    if (text.startsWith(KEY, at - lead)) readValue(text, at - lead, at + KEY_ANCHOR.length, known, found);
  }
}

/** Reads the value after a name: a JSON string after `":"`, escaped any number of times, or a parameter after `=`. */
function readValue(text: string, nameStart: number, nameEnd: number, known: KnownEnds, found: TokenMatch[]): void {
  // Usually a paging link with the call's own token.
  if (text.charCodeAt(nameEnd) === EQUALS && known.has(nameEnd + 1)) return;
  const behind = text.slice(nameEnd, nameEnd + 64);
  const json = /^(\\*)"\s*:\s*\1"/.exec(behind);
  if (json !== null) {
    const depth = json[1]?.length ?? 0;
    const start = nameEnd + json[0].length;
    if (depth === 0 && text.charCodeAt(known.get(start) ?? -1) === QUOTE) return;
    const end = stringEnd(text, start, depth);
    const memberStart = keyStart(text, nameStart);
    const member = memberStart < 0 ? null : { start: memberStart, end: end + depth + 1 };
    pushUnknown(text, start, end, member, found);
    return;
  }
  const parameter = /^(?:=|(?:%|\\+u0025)(?:25)*3[dD]|\\+u003[dD])/.exec(behind);
  if (parameter === null) return;
  const start = nameEnd + parameter[0].length;
  PARAMETER_VALUE.lastIndex = start;
  pushUnknown(text, start, start + (PARAMETER_VALUE.exec(text)?.[0].length ?? 0), null, found);
}

function findByForm(text: string, known: KnownEnds, found: TokenMatch[]): void {
  for (const anchor of TOKEN_PREFIX_FAMILIES) {
    for (let at = text.indexOf(anchor); at >= 0; at = text.indexOf(anchor, at + 1)) {
      // Rejects most candidates: words are shorter than tokens.
      if (!isWordCode(text.charCodeAt(at + MIN_TOKEN_LENGTH - 1))) continue;
      if (!TOKEN_AT_START.test(text.slice(at, at + MAX_PREFIX_LENGTH))) continue;
      if (isWordCode(text.charCodeAt(at - 1)) && !followsEscape(text, at)) continue;
      const knownEnd = known.get(at);
      if (knownEnd !== undefined) {
        at = knownEnd - 1;
        continue;
      }
      let end = at + anchor.length;
      while (isWordCode(text.charCodeAt(end))) end++;
      if (end - at >= MIN_TOKEN_LENGTH) {
        found.push({ start: at, end, kind: 'unknown', token: text.slice(at, end), member: null });
      }
      at = end - 1;
    }
  }
}

const PARAMETER_VALUE =
  /(?:[A-Za-z0-9_.~|:+/-]|\\+\/|(?:%|\\+u0025)(?:25)*(?!2[036]|25)[0-9A-Fa-f]{2}|\\+u00(?!2[0236]|3[ce]|25)[2-7][0-9A-Fa-f])*/iy;

function pushUnknown(
  text: string,
  start: number,
  end: number,
  member: { start: number; end: number } | null,
  found: TokenMatch[],
): void {
  if (end <= start) return;
  const token = decodeAllEncodings(text.slice(start, end));
  if (!token.startsWith('mtl_')) found.push({ start, end, kind: 'unknown', token, member });
}

/** Returns where a string ends whose quotes have `depth` backslashes (inner ones have more), or the end of the text. */
function stringEnd(text: string, start: number, depth: number): number {
  for (let at = text.indexOf('"', start); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (at - backslashes > start && text.charCodeAt(at - backslashes - 1) === BACKSLASH) backslashes++;
    if (backslashes <= depth) return at - backslashes;
  }
  return text.length;
}

/** Returns where a name that ends in `access_token` begins, with its quote and backslashes; -1 if unclear. */
function keyStart(text: string, nameStart: number): number {
  let at = nameStart;
  while (at > 0 && isWordCode(text.charCodeAt(at - 1))) at--;
  if (text.charCodeAt(at - 1) !== QUOTE) return -1;
  at--;
  while (at > 0 && text.charCodeAt(at - 1) === BACKSLASH) at--;
  return at;
}

/** Returns whether the letter or digit before a token ends an escape such as `%3D` or `\n`. */
function followsEscape(text: string, at: number): boolean {
  return (
    text.charCodeAt(at - 3) === 0x25 ||
    text.charCodeAt(at - 2) === BACKSLASH ||
    text.slice(Math.max(0, at - 6), at - 3) === '\\u0'
  );
}

function isWordCode(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x7a) || code === 0x5f || code === 0x2d;
}
