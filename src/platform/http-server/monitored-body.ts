import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyBudget } from './body-budget.ts';
import type { HttpServerLimits } from './http-server-limits.ts';

/** Limits on the body of one request. */
export interface RequestBodyLimits {
  /** Lifts the total time and memory limits: the caller is known. The minimum rate still applies. */
  authenticated(): void;
  /** Counts a chunk that stays in memory until the response has been sent. Throws 503 `server_busy`. */
  keep(chunkBytes: number): void;
  /** Replaces the plain 408 for a slow body. Must start a response. */
  onTooSlow(refuse: () => void): void;
}

/** For requests without a body. */
export const NO_BODY_LIMITS: RequestBodyLimits = Object.freeze({
  authenticated: () => undefined,
  keep: () => undefined,
  onTooSlow: () => undefined,
});

interface Sample {
  atMs: number;
  bytes: number;
}

/** Tracks the progress of one request body. */
export class MonitoredBody implements RequestBodyLimits {
  readonly #startedMs: number;
  #samples: Sample[];
  #isAuthenticated = false;
  #keptBytes = 0;
  #isRefused = false;
  #refuse: () => void;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly budget: BodyBudget,
    private readonly limits: HttpServerLimits,
    nowMs: number,
  ) {
    this.#startedMs = nowMs;
    this.#samples = [this.sample(nowMs)];
    this.#refuse = () => response.writeHead(408, { connection: 'close', 'content-length': '0' }).end();
  }

  authenticated(): void {
    this.#isAuthenticated = true;
    this.release();
  }

  keep(chunkBytes: number): void {
    // If the response is already gone, nothing would release the memory.
    if (!this.#isAuthenticated && !this.response.destroyed) this.#keptBytes += this.budget.take(chunkBytes);
  }

  onTooSlow(refuse: () => void): void {
    this.#refuse = refuse;
  }

  release(): void {
    this.budget.giveBack(this.#keptBytes);
    this.#keptBytes = 0;
  }

  /** Rejects the request if its body is too slow; at the next check closes the connection of a rejected one. */
  check(nowMs: number): void {
    if (this.#isRefused) {
      this.request.socket.destroy();
    } else if (this.isTooSlow(nowMs)) {
      this.#isRefused = true;
      // A started response can only be cut off. If it has already ended, closing does no harm.
      if (this.response.headersSent) this.request.socket.destroy();
      else this.#refuse();
    }
  }

  private isTooSlow(nowMs: number): boolean {
    const { unauthenticatedBodyMs, bodyWindowMs, minBodyBytesPerSecond } = this.limits;
    if (!this.#isAuthenticated && nowMs - this.#startedMs >= unauthenticatedBodyMs) return true;
    const now = this.sample(nowMs);
    if (this.request.readableLength > 0) {
      // Data is waiting for us (that is, for Meta), so the caller is not slow.
      this.#samples = [now];
      return false;
    }
    this.#samples.push(now);
    while (this.#samples[1] !== undefined && nowMs - this.#samples[1].atMs >= bodyWindowMs) this.#samples.shift();
    const [first = now] = this.#samples;
    const elapsedMs = nowMs - first.atMs;
    return elapsedMs >= bodyWindowMs && (now.bytes - first.bytes) * 1_000 < minBodyBytesPerSecond * elapsedMs;
  }

  private sample(atMs: number): Sample {
    return { atMs, bytes: this.request.socket.bytesRead };
  }
}
