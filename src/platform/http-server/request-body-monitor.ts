import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { BodyBudget } from './body-budget.ts';
import type { HttpServerLimits } from './http-server-limits.ts';
import { MonitoredBody, NO_BODY_LIMITS, type RequestBodyLimits } from './monitored-body.ts';

/**
 * Watches every request body on its way in, whoever reads it, or nobody: what comes too slowly is refused (408), and the connection
 * closed. Node's own `requestTimeout` would limit long uploads, too.
 */
export class RequestBodyMonitor {
  readonly #bodies = new Map<IncomingMessage, MonitoredBody>();
  readonly #budget: BodyBudget;

  constructor(private readonly limits: HttpServerLimits) {
    this.#budget = new BodyBudget(limits.unauthenticatedBodyBytes);
  }

  /** Looks at the bodies under way until the server is closed. */
  watch(server: Server): void {
    // After what has arrived was read: where this process was held up, the callers are not to blame.
    const timer = setInterval(() => setImmediate(() => this.check(performance.now())), this.limits.checkIntervalMs);
    timer.unref();
    server.once('close', () => clearInterval(timer));
  }

  /** To be called once per request, before anything else; cheap for those without a body. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { headers } = request;
    if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return;
    const body = new MonitoredBody(request, response, this.#budget, this.limits, performance.now());
    this.#bodies.set(request, body);
    // After the last byte has been read, or when the connection is gone.
    request.once('close', () => this.#bodies.delete(request));
    response.once('close', () => body.release());
  }

  /** The limits of a request's body, for whoever reads it. */
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
