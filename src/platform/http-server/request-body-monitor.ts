import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { BodyBudget } from './body-budget.ts';
import type { HttpServerLimits } from './http-server-limits.ts';
import { MonitoredBody, NO_BODY_LIMITS, type RequestBodyLimits } from './monitored-body.ts';

/**
 * Watches all request bodies, even unread ones: slow ones get a 408 and their connection is closed. Node's
 * `requestTimeout` would also end long uploads.
 */
export class RequestBodyMonitor {
  readonly #bodies = new Map<IncomingMessage, MonitoredBody>();
  readonly #budget: BodyBudget;

  constructor(private readonly limits: HttpServerLimits) {
    this.#budget = new BodyBudget(limits.unauthenticatedBodyBytes);
  }

  /** Checks bodies in flight until the server closes. */
  watch(server: Server): void {
    // Check after pending input has been read, so that callers are not blamed for our own delays.
    const timer = setInterval(() => setImmediate(() => this.check(performance.now())), this.limits.checkIntervalMs);
    timer.unref();
    server.once('close', () => clearInterval(timer));
  }

  /** Call once per request, before anything else. Cheap for requests without a body. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { headers } = request;
    if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return;
    const body = new MonitoredBody(request, response, this.#budget, this.limits, performance.now());
    this.#bodies.set(request, body);
    // Fires after the last byte has been read, or when the connection is gone.
    request.once('close', () => this.#bodies.delete(request));
    response.once('close', () => body.release());
  }

  /** Returns the limits of a request's body, for its reader. */
  limitsOf(request: IncomingMessage): RequestBodyLimits {
    return this.#bodies.get(request) ?? NO_BODY_LIMITS;
  }

  private check(nowMs: number): void {
    for (const [request, body] of this.#bodies) {
      if (request.complete) this.#bodies.delete(request);
      else body.check(nowMs);
    }
  }
}
