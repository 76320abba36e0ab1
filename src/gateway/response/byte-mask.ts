import { EMPTY_BUFFER } from '../empty-buffer.ts';

const MASK = 0x2a;

/** Overwrites a token in a binary response (image, video), so lengths and ranges stay right. */
export class ByteMask {
  readonly #secret: Buffer;
  #rest: Buffer = EMPTY_BUFFER;

  constructor(secret: string) {
    this.#secret = Buffer.from(secret, 'latin1');
  }

  push(chunk: Buffer): Buffer {
    const whole = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#overwrite(whole);
    // Hold back what may be the beginning of a token.
    const cut = Math.max(0, whole.length - this.#secret.length + 1);
    this.#rest = whole.subarray(cut);
    return whole.subarray(0, cut);
  }

  end(): Buffer {
    return this.#rest;
  }

  #overwrite(buffer: Buffer): void {
    const { length } = this.#secret;
    for (let at = buffer.indexOf(this.#secret); at >= 0; at = buffer.indexOf(this.#secret, at + length)) {
      buffer.fill(MASK, at, at + length);
    }
  }
}
