import { AppError, serverBusy } from '../problem.ts';

/** Bookkeeping per chunk, so that many small chunks cannot exceed the budget. */
const CHUNK_OVERHEAD_BYTES = 256;
const RETRY_AFTER_SECONDS = 2;

/** Memory shared by the bodies of all unauthenticated callers. */
export class BodyBudget {
  #usedBytes = 0;

  constructor(private readonly maxBytes: number) {}

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Reserves memory for a chunk and returns the amount. Throws 503 `server_busy` if none is left. */
  take(chunkBytes: number): number {
    const taken = chunkBytes + CHUNK_OVERHEAD_BYTES;
    if (this.#usedBytes + taken > this.maxBytes) {
      throw new AppError(serverBusy, {
        detail: 'The memory for requests from unauthenticated callers is used up.',
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#usedBytes += taken;
    return taken;
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
