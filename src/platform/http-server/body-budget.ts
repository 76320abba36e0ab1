import { AppError, serverBusy } from '../problem.ts';

/** What a chunk costs besides its bytes: many small ones must not take more memory than they count for. */
const CHUNK_OVERHEAD_BYTES = 256;
const RETRY_AFTER_SECONDS = 2;

/** The memory that the bodies of callers who are not known may take together. */
export class BodyBudget {
  #usedBytes = 0;

  constructor(private readonly maxBytes: number) {}

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Counts a chunk; returns what it counts for. Throws 503 `server_busy` where nothing is left. */
  take(chunkBytes: number): number {
    const taken = chunkBytes + CHUNK_OVERHEAD_BYTES;
    if (this.#usedBytes + taken > this.maxBytes) {
      throw new AppError(serverBusy, {
        detail: 'The memory for requests of callers who are not known is used up.',
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
