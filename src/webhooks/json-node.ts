/** A JSON value with its source text, so that it can be passed on without changing a digit or escape. */
export type JsonNode = { text: string } & (
  | { kind: 'object'; members: Map<string, JsonNode> }
  | { kind: 'array'; items: JsonNode[] }
  | { kind: 'string'; value: string }
  | { kind: 'literal' }
);

/** Far deeper than any event from Meta, yet safe for recursion. */
const MAX_DEPTH = 64;
const BACKSLASH = 0x5c;
const LITERAL = /[^\s,\]}]+/y;

/**
 * Parses JSON. Null if invalid or nested deeper than 64 levels. Of duplicate members the last counts, as in
 * `JSON.parse`.
 */
export function readJson(text: string): JsonNode | null {
  try {
    // The built-in parser validates the grammar, which the reader below relies on.
    JSON.parse(text);
    return new JsonReader(text).value(0);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}

class JsonReader {
  #at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw new RangeError('nested too deep');
    this.skipSpace();
    const start = this.#at;
    const first = this.text[start];
    if (first === '{') {
      const members = this.members(depth);
      return { kind: 'object', members, text: this.text.slice(start, this.#at) };
    }
    if (first === '[') {
      const items = this.items(depth);
      return { kind: 'array', items, text: this.text.slice(start, this.#at) };
    }
    if (first === '"') {
      const value = this.string();
      return { kind: 'string', value, text: this.text.slice(start, this.#at) };
    }
    LITERAL.lastIndex = start;
    this.#at += LITERAL.exec(this.text)?.[0].length ?? 1;
    return { kind: 'literal', text: this.text.slice(start, this.#at) };
  }

  private members(depth: number): Map<string, JsonNode> {
    const members = new Map<string, JsonNode>();
    this.#at++;
    while (!this.ends('}')) {
      const name = this.string();
      this.skipSpace();
      this.#at++;
      members.set(name, this.value(depth + 1));
    }
    return members;
  }

  private items(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    this.#at++;
    while (!this.ends(']')) items.push(this.value(depth + 1));
    return items;
  }

  /** Skips a comma, or the closing bracket and returns true. */
  private ends(bracket: string): boolean {
    this.skipSpace();
    if (this.text[this.#at] === ',') {
      this.#at++;
      this.skipSpace();
    }
    if (this.text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  private string(): string {
    const start = this.#at;
    let end = this.text.indexOf('"', start + 1);
    while (this.isEscaped(end)) end = this.text.indexOf('"', end + 1);
    this.#at = end + 1;
    return JSON.parse(this.text.slice(start, this.#at)) as string;
  }

  /** Whether an odd number of backslashes precedes this position. */
  private isEscaped(at: number): boolean {
    let first = at;
    while (this.text.charCodeAt(first - 1) === BACKSLASH) first--;
    return (at - first) % 2 === 1;
  }

  private skipSpace(): void {
    for (let code = this.text.charCodeAt(this.#at); code === 0x20 || (code >= 0x09 && code <= 0x0d); ) {
      code = this.text.charCodeAt(++this.#at);
    }
  }
}

/** Same text for the same content regardless of whitespace, order, and escapes. Numbers compare by their digits. */
export function canonicalJson(node: JsonNode): string {
  switch (node.kind) {
    case 'object': {
      const members = [...node.members].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${canonicalJson(value)}`).join(',')}}`;
    }
    case 'array':
      return `[${node.items.map(canonicalJson).join(',')}]`;
    case 'string':
      return JSON.stringify(node.value);
    case 'literal':
      return node.text;
  }
}

/** A member of an object; undefined for other values. */
export function member(node: JsonNode | undefined, name: string): JsonNode | undefined {
  return node?.kind === 'object' ? node.members.get(name) : undefined;
}

/** An array's items; empty for other values. */
export function itemsOf(node: JsonNode | undefined): JsonNode[] {
  return node?.kind === 'array' ? node.items : [];
}

/** A string's value; null for other values. */
export function stringOf(node: JsonNode | undefined): string | null {
  return node?.kind === 'string' ? node.value : null;
}

/**
 * Meta writes ids as strings or, in old payloads, as numbers of any length. Null for anything else, and for `0`, the id
 * of dashboard tests.
 */
export function idOf(node: JsonNode | undefined): string | null {
  const id = node?.kind === 'literal' ? node.text : stringOf(node);
  return id !== null && /^[A-Za-z0-9_]{1,64}$/.test(id) && !/^(0|null|true|false)$/.test(id) ? id : null;
}
