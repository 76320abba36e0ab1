import { EMPTY_BUFFER } from '../empty-buffer.ts';
import { GatewayError } from '../gateway-error.ts';
import { canonicalName, isControlName } from './parameters.ts';
import type { BodyStreamValidator } from './validated-body.ts';

/** A form field before the first file. */
interface FormField {
  name: string;
  /** Unchanged bytes. */
  value: Buffer;
}

/** The fields of a form before its first file. */
interface FormHead {
  boundary: string;
  fields: FormField[];
  /** Size of the fields in the body, in bytes. */
  length: number;
  /** Bytes read beyond the fields, from the next delimiter on. */
  rest: Buffer;
}

const CRLF = '\r\n';
const HEADERS_END = Buffer.from('\r\n\r\n');
const MAX_PART_HEADERS_BYTES = 16 * 1024;
const MAX_FIELDS_BYTES = 1024 * 1024;

/**
 * Reads the boundary of a `multipart/form-data` body (RFC 7578). Throws `invalid_request` unless there is exactly one.
 */
export function readBoundary(contentType: string): string {
  const found = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"\r\n]{1,200})"|([^\s;",]{1,200}))/gi)];
  const boundary = found[0]?.[1] ?? found[0]?.[2];
  const isForm = /^\s*multipart\/form-data\s*(;|$)/i.test(contentType);
  if (
    !isForm ||
    found.length !== 1 ||
    boundary === undefined ||
    (contentType.match(/\bboundary\*?\d*\*?\s*=/gi)?.length ?? 0) !== 1
  ) {
    throw invalidMultipartError();
  }
  return boundary;
}

/** Reads the fields before the first file, up to 1 MiB, and leaves the rest in the stream. */
export async function readFormHead(source: AsyncIterable<Buffer>, boundary: string): Promise<FormHead> {
  const reader = new ChunkReader(source);
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const fields: FormField[] = [];
  let position = 0;
  await reader.need(delimiter.length + 2);
  if (reader.buffer.compare(delimiter, 0, delimiter.length, 0, delimiter.length) !== 0) throw invalidMultipartError();
  for (;;) {
    const start = position + delimiter.length;
    await reader.need(start + 2);
    if (reader.buffer.toString('latin1', start, start + 2) === '--') break;
    const headersEnd = await reader.find(HEADERS_END, start, MAX_PART_HEADERS_BYTES);
    const part = readPartHeaders(reader.buffer.toString('latin1', start, headersEnd));
    if (part.isFile) break;
    const valueStart = headersEnd + HEADERS_END.length;
    const valueEnd = await reader.find(Buffer.concat([Buffer.from(CRLF), delimiter]), valueStart, MAX_FIELDS_BYTES);
    fields.push({ name: part.name, value: copyPlainValue(reader.buffer.subarray(valueStart, valueEnd), delimiter) });
    position = valueEnd + 2;
    if (position > MAX_FIELDS_BYTES) throw new GatewayError('payload_too_large');
  }
  return { boundary, fields, length: position, rest: await reader.rest(position) };
}

/** Serializes fields. */
export function writeFields(fields: readonly FormField[], boundary: string): Buffer {
  const parts = fields.flatMap(({ name, value }) => [
    Buffer.from(`--${boundary}${CRLF}Content-Disposition: form-data; name="${name}"${CRLF}${CRLF}`, 'utf8'),
    value,
    Buffer.from(CRLF),
  ]);
  return Buffer.concat(parts);
}

/** Copies a value. Throws if a lax parser would see a part begin in it. */
function copyPlainValue(value: Buffer, delimiter: Buffer): Buffer {
  if (value.includes(delimiter)) throw invalidMultipartError();
  return Buffer.from(value);
}

/**
 * Reads the name of a part and whether it is a file. Accepts only the plain form of RFC 7578: parsers differ in the
 * rest.
 */
function readPartHeaders(text: string): { name: string; isFile: boolean } {
  if (!text.startsWith(CRLF)) throw invalidMultipartError();
  const lines = text.slice(2).split(CRLF);
  if (lines.some((line) => !/^[A-Za-z0-9-]+:[^\r\n\0]*$/.test(line))) throw invalidMultipartError();
  const dispositions = lines.filter((line) => /^content-disposition:/i.test(line));
  const disposition =
    /^content-disposition:\s*form-data\s*;\s*name="([^"\\]*)"(;\s*filename=(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))?(;\s*filename\*=[^\s;"]+)?\s*$/i.exec(
      dispositions[0] ?? '',
    );
  if (dispositions.length !== 1 || disposition === null) throw invalidMultipartError();
  const name = Buffer.from(disposition[1] ?? '', 'latin1').toString('utf8');
  const isFile = disposition[2] !== undefined || disposition[3] !== undefined;
  if (isFile && isControlName(canonicalName(name))) throw invalidMultipartError();
  return { name, isFile };
}

/**
 * Stops a form at a field after its first file that would change what was checked. Starts at the delimiter before that
 * file.
 */
export class MultipartStreamValidator implements BodyStreamValidator {
  // Without the preceding line break, which lax parsers don't require.
  readonly #delimiter: Buffer;
  /** To be searched again with the next chunk. */
  #tail: Buffer = EMPTY_BUFFER;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`--${boundary}`, 'latin1');
  }

  push(chunk: Buffer): void {
    this.#tail = this.#scan(this.#hasNoStraddlingDelimiter(chunk) ? chunk : Buffer.concat([this.#tail, chunk]));
  }

  /** Returns whether no delimiter straddles the previous chunk and this one, so they need not be concatenated. */
  #hasNoStraddlingDelimiter(chunk: Buffer): boolean {
    if (this.#tail.length === 0) return true;
    const { length } = this.#delimiter;
    return chunk.length >= length && !Buffer.concat([this.#tail, chunk.subarray(0, length)]).includes(this.#delimiter);
  }

  /** Meta refuses truncated forms. */
  end(): void {}

  /** Checks every part whose headers are complete. Returns what must be searched again. */
  #scan(window: Buffer): Buffer {
    const delimiter = this.#delimiter;
    let from = 0;
    for (let at = window.indexOf(delimiter); at >= 0; at = window.indexOf(delimiter, from)) {
      from = at + delimiter.length;
      if (window.toString('latin1', from, from + 2) === '--') continue;
      const end = window.indexOf(HEADERS_END, from);
      if (end < 0) {
        if (window.length - from > MAX_PART_HEADERS_BYTES) throw invalidMultipartError();
        return Buffer.from(window.subarray(at));
      }
      const { name } = readPartHeaders(window.toString('latin1', from, end));
      // Too late after the first file.
      if (isControlName(canonicalName(name))) {
        throw new GatewayError('path_not_allowed', {
          detail: `The field ${name} must come before the first file.`,
        });
      }
      from = end;
    }
    return Buffer.from(window.subarray(Math.max(from, window.length - delimiter.length + 1)));
  }
}

function invalidMultipartError(): GatewayError {
  return new GatewayError('invalid_request', { detail: 'The multipart body cannot be parsed (RFC 7578).' });
}

/** Reads a stream as far as needed, and returns the rest. */
class ChunkReader {
  buffer: Buffer = EMPTY_BUFFER;
  readonly #source: AsyncIterator<Buffer>;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads until `length` bytes are buffered. */
  async need(length: number): Promise<void> {
    while (this.buffer.length < length) await this.#more();
  }

  /** Finds `bytes` at most `reach` after `from`. */
  async find(bytes: Buffer, from: number, reach: number): Promise<number> {
    let searched = from;
    for (;;) {
      const at = this.buffer.indexOf(bytes, searched);
      if (at >= 0) return at;
      if (this.buffer.length - from > reach) throw new GatewayError('payload_too_large');
      searched = Math.max(from, this.buffer.length - bytes.length + 1);
      await this.#more();
    }
  }

  /** Returns what was read from `from` on, and releases the stream. */
  async rest(from: number): Promise<Buffer> {
    await this.#source.return?.();
    return this.buffer.subarray(from);
  }

  async #more(): Promise<void> {
    const next = await this.#source.next();
    if (next.done === true) throw invalidMultipartError();
    this.buffer = this.buffer.length === 0 ? next.value : Buffer.concat([this.buffer, next.value]);
  }
}
