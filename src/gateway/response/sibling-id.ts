const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);
/** Maximum length of an id with its colon, blanks and quotes. */
const MAX_ID_VALUE_LENGTH = 96;

/** A member of a JSON object in text: where its name begins, with the quote's backslashes, and where its value ends. */
export interface Member {
  start: number;
  end: number;
}

/**
 * Finds the `id` of the object that contains a member. JSON inside a JSON string has as many backslashes before its
 * quotes as the member, and ends where the string does. Null if there is none within reach; undefined if the text ends
 * before the object does.
 */
export function findSiblingId(text: string, member: Member): string | null | undefined {
  let depth = 0;
  while (text.charCodeAt(member.start + depth) === BACKSLASH) depth++;
  const start = objectStart(text, member.start, depth);
  const before = start < 0 ? undefined : findIdBetween(text, start + 1, member.start, depth);
  return typeof before === 'string' ? before : findIdBetween(text, member.end, text.length, depth);
}

/** Returns where the object around `from` opens; -1 if out of reach. */
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

/** Finds the id between `from` and `to`; null if the object closes without one, undefined if the text ends first. */
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

/** Reads the id after a name: undefined if incomplete, null if there is none. */
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
 * Classifies a quote: it delimits a string of this layer, is in the text of one, or ends the string that contains the
 * layer. A delimiter of the n-th layer has 2^n - 1 backslashes, plus 2^n for each backslash that the string's text ends
 * with.
 */
function classifyQuote(text: string, at: number, depth: number): 'own' | 'inner' | 'outer' {
  let count = 0;
  while (text.charCodeAt(at - count - 1) === BACKSLASH) count++;
  if (count % (depth + 1) !== depth) return 'outer';
  return ((count - depth) / (depth + 1)) % 2 === 0 ? 'own' : 'inner';
}
