import { createHash, type Hash } from 'node:crypto';

export interface UploadedFile {
  field: string;
  filename: string;
  mimeType: string;
  size: number;
  sha256: string;
  /** Null above `MAX_FILE_BYTES_KEPT`: hashed but not kept. */
  bytes: Buffer | null;
}

export const MAX_FILE_BYTES_KEPT = 1024 * 1024;
export const MAX_BODY_BYTES_KEPT = 8 * 1024 * 1024;

/** Hashes and counts bytes, keeping only small content: 200 uploads of 20 MiB must not fill memory. */
export class ByteSink {
  size = 0;
  private readonly hash: Hash = createHash('sha256');
  private kept: Buffer[] | null = [];

  constructor(private readonly maxKeptBytes: number) {}

  write(bytes: Buffer): void {
    this.size += bytes.length;
    this.hash.update(bytes);
    if (this.size > this.maxKeptBytes) this.kept = null;
    this.kept?.push(Buffer.from(bytes));
  }

  end(): { size: number; sha256: string; bytes: Buffer | null } {
    return {
      size: this.size,
      sha256: this.hash.digest('hex'),
      bytes: this.kept === null ? null : Buffer.concat(this.kept),
    };
  }
}

interface Part {
  field: string;
  filename: string | null;
  mimeType: string;
  sink: ByteSink;
}

/** Parses multipart/form-data (RFC 7578) as it arrives: fields in full, files through a ByteSink. */
export class MultipartReader {
  readonly fields: [string, string][] = [];
  readonly files: UploadedFile[] = [];
  private readonly delimiter: Buffer;
  private rest: Buffer;
  private part: Part | null = null;
  private ended = false;

  constructor(boundary: string) {
    this.delimiter = Buffer.from(`\r\n--${boundary}`);
    // The first delimiter may come without a preceding line break.
    this.rest = Buffer.from('\r\n');
  }

  write(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    while (!this.ended && this.step()) {
      // Each step consumes one delimiter and its headers.
    }
    if (this.ended) this.rest = Buffer.alloc(0);
  }

  /** Consumes everything up to the next delimiter's headers. Returns false if more bytes are needed. */
  private step(): boolean {
    const at = this.rest.indexOf(this.delimiter);
    if (at < 0) {
      this.releaseSafeBytes();
      return false;
    }
    const afterDelimiter = at + this.delimiter.length;
    if (this.rest.length < afterDelimiter + 2) return false;
    if (this.rest.subarray(afterDelimiter, afterDelimiter + 2).toString('latin1') === '--') {
      this.closePart(this.rest.subarray(0, at));
      this.ended = true;
      return false;
    }
    const headersEnd = this.rest.indexOf('\r\n\r\n', afterDelimiter);
    if (headersEnd < 0) return false;
    this.closePart(this.rest.subarray(0, at));
    this.part = parseHeaders(this.rest.subarray(afterDelimiter, headersEnd).toString('utf8'));
    this.rest = this.rest.subarray(headersEnd + 4);
    return true;
  }

  /** Passes on bytes that cannot start a delimiter, so that no file is held in full. */
  private releaseSafeBytes(): void {
    const safe = this.rest.length - this.delimiter.length;
    if (safe <= 0 || this.part === null) return;
    this.part.sink.write(this.rest.subarray(0, safe));
    this.rest = Buffer.from(this.rest.subarray(safe));
  }

  private closePart(last: Buffer): void {
    const part = this.part;
    this.part = null;
    if (part === null) return;
    part.sink.write(last);
    const content = part.sink.end();
    if (part.filename === null) this.fields.push([part.field, content.bytes?.toString('utf8') ?? '']);
    else this.files.push({ field: part.field, filename: part.filename, mimeType: part.mimeType, ...content });
  }
}

function parseHeaders(text: string): Part {
  const disposition = /^content-disposition:(.*)$/im.exec(text)?.[1] ?? '';
  const field = /[; ]name="([^"]*)"/i.exec(disposition)?.[1] ?? '';
  const filename = /filename="([^"]*)"/i.exec(disposition)?.[1] ?? null;
  const mimeType = /^content-type:\s*(.*)$/im.exec(text)?.[1]?.trim() ?? 'text/plain';
  return { field, filename, mimeType, sink: new ByteSink(MAX_FILE_BYTES_KEPT) };
}
