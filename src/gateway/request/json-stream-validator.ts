import { GatewayError } from '../gateway-error.ts';
import { canonicalName, isControlName, isCredentialName } from './parameters.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MAX_NAME_BYTES = 256;
const MAX_NESTING = 512;

/**
 * Bytes allowed outside of strings: whitespace, numbers and literals. No other quotes or comments, which lax parsers
 * accept.
 */
const PLAIN = new Set(Buffer.from(' \t\r\n0123456789+-.truefalsnE'));
const BLANK = new Set(Buffer.from(' \t\r\n'));

/** What may come next in the outermost object. */
type Expected = 'object' | 'name' | 'next name' | 'colon' | 'value' | 'comma' | 'end';

/**
 * Checks a JSON object while it streams. Stops at a member that determines what the call does, and wherever parsers
 * could disagree. Buffers only the current name. Nested members are data, as in short JSON (`collectJsonParameters`).
 */
export class JsonStreamValidator {
  /** The closing bracket of each level. */
  readonly #open: number[] = [];
  #expected: Expected = 'object';
  #inString = false;
  #isEscaped = false;
  #name: number[] | null = null;

  /** Throws a `GatewayError`. */
  push(chunk: Buffer): void {
    for (const byte of chunk) {
      if (this.#inString) this.#readString(byte);
      else this.#readStructure(byte);
    }
  }

  /** Call at the end. Throws a `GatewayError` if the object is incomplete. */
  end(): void {
    if (this.#expected !== 'end') throw invalidJsonError();
  }

  #readString(byte: number): void {
    if (byte < 0x20) throw invalidJsonError();
    if (!this.#isEscaped && byte === QUOTE) {
      this.#inString = false;
      if (this.#name !== null) assertNotControlName(this.#name);
      this.#name = null;
      return;
    }
    this.#isEscaped = !this.#isEscaped && byte === BACKSLASH;
    if (this.#name === null) return;
    this.#name.push(byte);
    if (this.#name.length > MAX_NAME_BYTES) throw invalidJsonError();
  }

  #readStructure(byte: number): void {
    if (BLANK.has(byte)) return;
    if (this.#open.length > 1) this.#readNested(byte);
    else this.#readOutermost(byte);
  }

  #readOutermost(byte: number): void {
    const expected = this.#expected;
    if (expected === 'object' && byte === OPEN_BRACE) this.#enter(byte, 'name');
    else if ((expected === 'name' || expected === 'next name') && byte === QUOTE) {
      this.#inString = true;
      this.#name = [];
      this.#expected = 'colon';
    } else if (expected === 'colon' && byte === COLON) this.#expected = 'value';
    else if (expected === 'comma' && byte === COMMA) this.#expected = 'next name';
    else if ((expected === 'comma' || expected === 'name') && byte === CLOSE_BRACE) this.#leave(byte, 'end');
    else if (expected === 'value') this.#beginValue(byte);
    // The rest of a number or literal.
    else if (expected !== 'comma' || !PLAIN.has(byte)) throw invalidJsonError();
  }

  #beginValue(byte: number): void {
    this.#expected = 'comma';
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#enter(byte, 'comma');
    else if (!PLAIN.has(byte)) throw invalidJsonError();
  }

  #readNested(byte: number): void {
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#enter(byte, this.#expected);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#leave(byte, this.#expected);
    else if (byte !== COMMA && byte !== COLON && !PLAIN.has(byte)) throw invalidJsonError();
  }

  #enter(byte: number, next: Expected): void {
    if (this.#open.length >= MAX_NESTING) throw invalidJsonError();
    this.#open.push(byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
    this.#expected = next;
  }

  #leave(byte: number, next: Expected): void {
    if (this.#open.pop() !== byte) throw invalidJsonError();
    this.#expected = next;
  }
}

function assertNotControlName(bytes: readonly number[]): void {
  const name = canonicalName(readName(bytes));
  if (!isControlName(name)) return;
  throw new GatewayError('payload_too_large', {
    detail: `A JSON body over 1 MiB must not contain ${name}: ${describeAlternative(name)}.`,
  });
}

function describeAlternative(name: string): string {
  if (name.endsWith('batch')) return 'send a batch in a body of at most 1 MiB';
  return isCredentialName(name)
    ? 'send the lease in the Authorization header'
    : 'put it in the query, or send a smaller body';
}

function readName(bytes: readonly number[]): string {
  try {
    return String(JSON.parse(`"${Buffer.from(bytes).toString('utf8')}"`));
  } catch {
    throw invalidJsonError();
  }
}

function invalidJsonError(): GatewayError {
  return new GatewayError('invalid_request', { detail: 'The JSON body is not a strict JSON object.' });
}
