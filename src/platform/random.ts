import { randomFillSync } from 'node:crypto';

/** The only source of randomness. Injected; always cryptographically strong. */
export abstract class Random {
  abstract bytes(size: number): Buffer;

  /** Returns a number in [0, 1) with 48 random bits, for jitter. */
  fraction(): number {
    return this.bytes(6).readUIntBE(0, 6) / 2 ** 48;
  }
}

const POOL_SIZE = 8192;

/**
 * Draws the operating system's randomness in blocks: one call for 8 KiB is far cheaper than one per key. Returned bytes
 * are wiped from the pool, so that memory does not leak keys.
 */
export class SystemRandom extends Random {
  readonly #pool = Buffer.alloc(POOL_SIZE);
  #offset = POOL_SIZE;

  override bytes(size: number): Buffer {
    if (size > POOL_SIZE / 4) return randomFillSync(Buffer.allocUnsafeSlow(size));
    if (this.#offset + size > POOL_SIZE) {
      randomFillSync(this.#pool);
      this.#offset = 0;
    }
    const drawn = Buffer.from(this.#pool.subarray(this.#offset, this.#offset + size));
    this.#pool.fill(0, this.#offset, this.#offset + size);
    this.#offset += size;
    return drawn;
  }
}
