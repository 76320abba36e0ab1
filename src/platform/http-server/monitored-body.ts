import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyBudget } from './body-budget.ts';
import type { HttpServerLimits } from './http-server-limits.ts';

/** What holds for the body of one request. */
export interface RequestBodyLimits {
  /** The caller is known: from now on the body may take as long as it moves, and counts against nothing. */
  authenticated(): void;
  /** Counts a chunk that is kept in memory until the response has been sent. Throws 503 `server_busy`. */
  keep(chunkBytes: number): void;
  /** What to do in place of a plain 408 where the body comes too slowly. It must begin a response. */
  onTooSlow(refuse: () => void): void;
}

/** Of a request without a body. */
export const NO_BODY_LIMITS: RequestBodyLimits = Object.freeze({
  authenticated: () => undefined,
  keep: () => undefined,
  onTooSlow: () => undefined,
});

interface Sample {
  atMs: number;
  bytes: number;
}

/** One body on its way in. */
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
    // A response may be gone already, and nothing would give back what is taken for it.
    if (!this.#isAuthenticated && !this.response.destroyed) this.#keptBytes += this.budget.take(chunkBytes);
  }

  onTooSlow(refuse: () => void): void {
    this.#refuse = refuse;
  }

  release(): void {
    this.budget.giveBack(this.#keptBytes);
    this.#keptBytes = 0;
  }

  /** Refuses the request where its body is too slow; closes the connection of one that was refused before. */
  check(nowMs: number): void {
    if (this.#isRefused) {
      this.request.socket.destroy();
    } else if (this.isTooSlow(nowMs)) {
      this.#isRefused = true;
      // A response that has begun can only be cut off; one that has ended has been read, and its request no longer matters.
      if (this.response.headersSent) this.request.socket.destroy();
      else this.#refuse();
    }
  }

  private isTooSlow(nowMs: number): boolean {
    const { unauthenticatedBodyMs, bodyWindowMs, minBodyBytesPerSecond } = this.limits;
    if (!this.#isAuthenticated && nowMs - this.#startedMs >= unauthenticatedBodyMs) return true;
    const now = this.sample(nowMs);
    if (this.request.readableLength > 0) {
      // What has come waits for us (for Meta, that is): the caller is not slow, whatever the pace.
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
