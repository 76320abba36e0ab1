const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);
/** Of an id with its colon, blanks and quotes. */
const MAX_ID_VALUE_LENGTH = 96;

/** A member of a JSON object in a text: where its name begins (with the quote's backslashes), and where its value ends. */
export interface Member {
  start: number;
  end: number;
}

/**
 * The `id` of the object that contains a member. The JSON may itself be inside a JSON string: then its quotes have
 * backslashes, as many as the member's own have, and the object ends where the string does. Null: it has none, or none within
 * reach. Undefined: none so far, and the object continues after the text.
 */
export function findSiblingId(text: string, member: Member): string | null | undefined {
  let depth = 0;
  while (text.charCodeAt(member.start + depth) === BACKSLASH) depth++;
  const start = objectStart(text, member.start, depth);
  const before = start < 0 ? undefined : findIdBetween(text, start + 1, member.start, depth);
  return typeof before === 'string' ? before : findIdBetween(text, member.end, text.length, depth);
}

/** Where the object around `from` opens; -1 where that is out of reach. */
function objectStart(text: string, from: number, depth: number): number {
  let level = 0;
  for (let at = from - 1; at >= 0; at--) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      if (classifyQuote(text, at, depth) !== 'own') return -1;
      at = openingQuote(text, at, depth);
      if (at < 0) return -1;
    } else if (CLOSING.has(code)) level++;
    else if (OPENING.has(code) && level-- === 0) return code === BRACE ? at : -1;
  }
  return -1;
}

/** The id among the members from `from` to `to`; null where the object closes without one, undefined where the text ends first. */
function findIdBetween(text: string, from: number, to: number, depth: number): string | null | undefined {
  let level = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (OPENING.has(code)) level++;
    else if (CLOSING.has(code) && level-- === 0) return null;
    if (code !== QUOTE) continue;
    if (classifyQuote(text, at, depth) !== 'own') return null;
    const end = closingQuote(text, at + 1, depth);
    if (end < 0 || end >= to) return undefined;
    if (level === 0 && text.slice(at + 1, end - depth) === 'id') {
      const value = readIdValue(text.slice(end + 1, Math.min(to, end + 1 + MAX_ID_VALUE_LENGTH)));
      if (value !== null) return value;
    }
    at = end;
  }
  return undefined;
}

/** The id after a name: undefined where it is incomplete, null where there is none. */
function readIdValue(rest: string): string | null | undefined {
  const value = /^\s*:\s*(?:(\d{1,32})(?=[\s,}])|\\*"(\d{1,32})\\*")/.exec(rest);
  if (value !== null) return value[1] ?? value[2] ?? null;
  return /^\s*(?::\s*(?:\\*"?)?\d{0,32}\\*)?$/.test(rest) ? undefined : null;
}

function openingQuote(text: string, closing: number, depth: number): number {
  for (let at = text.lastIndexOf('"', closing - 1); at >= 0; at = at === 0 ? -1 : text.lastIndexOf('"', at - 1)) {
    if (classifyQuote(text, at, depth) === 'own') return at - depth;
  }
  return -1;
}

function closingQuote(text: string, from: number, depth: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    if (classifyQuote(text, at, depth) !== 'inner') return at;
  }
  return -1;
}

/**
 * Whether a quote begins or ends a string of this layer, belongs to the text of one, or ends the string that contains the layer.
 * In the n-th layer a quote of its own has 2^n - 1 backslashes, and as many times 2^n more as the string's text ends in backslashes.
 */
function classifyQuote(text: string, at: number, depth: number): 'own' | 'inner' | 'outer' {
  let count = 0;
  while (text.charCodeAt(at - count - 1) === BACKSLASH) count++;
  if (count % (depth + 1) !== depth) return 'outer';
  return ((count - depth) / (depth + 1)) % 2 === 0 ? 'own' : 'inner';
}
