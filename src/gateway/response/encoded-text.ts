/**
 * A response may spell a character as itself, percent-encoded (repeatedly), as a JSON escape (escaped again in JSON
 * inside a string), or as an HTML entity. These patterns are for text decoded as latin1, one character per byte.
 */
const PERCENT = String.raw`(?:%|\\+u0025)(?:25)*`;
const LITERAL_SPECIAL = /[\\^$.*+?()[\]{}|/-]/g;

/** Returns a pattern for `text` in any mix of spellings. */
export function encodedPattern(text: string): string {
  return [...text].map(encodedCharacter).join('');
}

/** Letters, digits, `_` and `-` in hexadecimal and in decimal. */
const HEX = '(?:2[dD]|3[0-9]|[46][1-9A-Fa-f]|5[0-9AaFf]|7[0-9Aa])';
const DECIMAL = '0*(?:45|4[89]|5[0-7]|6[5-9]|[78][0-9]|90|95|9[7-9]|1[01][0-9]|12[0-2])';

/** Pattern of one character of a token in any spelling. */
export const ENCODED_TOKEN_CHARACTER = String.raw`(?:[A-Za-z0-9_-]|${PERCENT}${HEX}|\\+u00${HEX}|&#(?:${DECIMAL}|[xX]0*${HEX});)`;

function encodedCharacter(character: string): string {
  const code = character.charCodeAt(0);
  const hex = anyCase(code.toString(16).padStart(2, '0'));
  const escapable = character === '/' || character === '"' ? String.raw`\\*` : '';
  const literal = escapable + character.replace(LITERAL_SPECIAL, String.raw`\$&`);
  return String.raw`(?:${literal}|${PERCENT}${hex}|\\+u00${hex}|&#(?:0*${code}|[xX]0*${hex});)`;
}

function anyCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

const UNIT = /\\*u00([0-9A-Fa-f]{2})|%([0-9A-Fa-f]{2})|&#(?:(\d{1,4})|[xX]([0-9A-Fa-f]{1,4}));|\\+([^u\\])/g;
/** More layers than occur in practice. */
const MAX_LAYERS = 4;

/** Decodes all spellings. */
export function decodeAllEncodings(text: string): string {
  let plain = text;
  for (let layer = 0; layer < MAX_LAYERS && /[%\\&]/.test(plain); layer++) {
    plain = plain.replace(UNIT, (whole, json, percent, decimal, hex, escaped: string | undefined) => {
      if (escaped !== undefined) return escaped;
      if (json !== undefined && !whole.startsWith('\\')) return whole;
      return String.fromCharCode(
        decimal === undefined ? Number.parseInt(json ?? percent ?? hex, 16) : Number.parseInt(decimal, 10),
      );
    });
  }
  return plain;
}

const PERCENT_SIGN = 0x25;

/** Returns the characters of these texts. If one occurs encoded, the slow path is needed. */
export function toCharacterSet(texts: readonly string[]): Uint8Array {
  const set = new Uint8Array(256);
  for (const text of texts) for (let index = 0; index < text.length; index++) set[text.charCodeAt(index) & 0xff] = 1;
  // An encoded percent sign hides another layer.
  set[PERCENT_SIGN] = 1;
  return set;
}

/** Escapes of visible ASCII. Non-ASCII escapes are frequent and never part of a token. */
const ASCII_ESCAPE = /\\u00[2-7]/;

/** Returns whether a text contains any of these spellings. */
export function mayHaveEncoded(text: string): boolean {
  return text.includes('%') || text.includes('\\u00') || text.includes('&#');
}

/** Returns whether `text` spells a character of `set` other than plainly. Cheap if, as usual, it does not. */
export function hasEncoded(text: string, set: Uint8Array): boolean {
  return follows(text, '%', set) || (ASCII_ESCAPE.test(text) && follows(text, '\\u00', set)) || text.includes('&#');
}

function follows(text: string, mark: string, set: Uint8Array): boolean {
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) {
    const high = digit(text.charCodeAt(at + mark.length));
    const low = digit(text.charCodeAt(at + mark.length + 1));
    if (high >= 0 && low >= 0 && set[(high << 4) | low] === 1) return true;
  }
  return false;
}

/** Returns the value of a hexadecimal digit by its code; -1 for anything else. */
function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
