import type { ClientId } from '../auth/ids.ts';
import type { Cancellation } from '../platform/cancellation.ts';
import { GatewayError } from './gateway-error.ts';

export interface ConcurrencyLimits {
  /** Concurrent calls of one client, on this replica. */
  perClient: number;
  /** Concurrent calls with tokens of one app. */
  perApp: number;
  /** Waiting calls of one client. */
  waitingPerClient: number;
  waitMs: number;
}

export const DEFAULT_CONCURRENCY_LIMITS: ConcurrencyLimits = {
  perClient: 256,
  perApp: 384,
  waitingPerClient: 512,
  waitMs: 10_000,
};

/** Releases the slot. */
export type Release = () => void;

interface Waiter {
  start(): void;
}

interface ClientQueue {
  running: number;
  waiting: Waiter[];
}

/**
 * Limits concurrent calls per client and per app. Further calls wait, and the clients of an app take turns, so a flood
 * from one does not block the others. A call that waits too long, or arrives when too many wait, gets 429.
 */
export class ConcurrencyLimiter {
  readonly #apps = new Map<string, { running: number; clients: Map<string, ClientQueue> }>();

  constructor(private readonly options: ConcurrencyLimits = DEFAULT_CONCURRENCY_LIMITS) {}

  /** Waits for a free slot. Throws or rejects with `too_many_calls`. */
  acquire(appId: string, clientId: ClientId, cancellation: Cancellation): Release | Promise<Release> {
    const app = this.#apps.get(appId) ?? { running: 0, clients: new Map<string, ClientQueue>() };
    this.#apps.set(appId, app);
    const clientQueue = app.clients.get(clientId) ?? { running: 0, waiting: [] };
    app.clients.set(clientId, clientQueue);
    if (
      app.running < this.options.perApp &&
      clientQueue.running < this.options.perClient &&
      clientQueue.waiting.length === 0
    ) {
      return this.#start(appId, clientId);
    }
    if (clientQueue.waiting.length >= this.options.waitingPerClient) throw this.#tooManyCallsError();
    return this.#wait(appId, clientId, clientQueue, cancellation);
  }

  /** Counts running and waiting calls of all apps. */
  count(): { running: number; waiting: number } {
    let running = 0;
    let waiting = 0;
    for (const app of this.#apps.values()) {
      running += app.running;
      for (const clientQueue of app.clients.values()) waiting += clientQueue.waiting.length;
    }
    return { running, waiting };
  }

  #wait(appId: string, clientId: ClientId, clientQueue: ClientQueue, cancellation: Cancellation): Promise<Release> {
    return new Promise((resolve, reject) => {
      const dequeue = (): void => {
        clearTimeout(timer);
        cancellation.setListener(null);
        const index = clientQueue.waiting.indexOf(waiter);
        if (index >= 0) clientQueue.waiting.splice(index, 1);
        this.#removeIfIdle(appId, clientId);
      };
      const giveUp = (): void => {
        dequeue();
        reject(this.#tooManyCallsError());
      };
      const waiter: Waiter = {
        start: () => {
          const release = this.#start(appId, clientId);
          dequeue();
          resolve(release);
        },
      };
      const timer = setTimeout(giveUp, this.options.waitMs);
      clientQueue.waiting.push(waiter);
      cancellation.setListener(giveUp);
    });
  }

  #start(appId: string, clientId: ClientId): Release {
    const app = this.#apps.get(appId);
    const clientQueue = app?.clients.get(clientId);
    if (app === undefined || clientQueue === undefined) throw new Error('a call started without its client queue');
    app.running++;
    clientQueue.running++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      app.running--;
      clientQueue.running--;
      this.#startNext(appId);
      this.#removeIfIdle(appId, clientId);
    };
  }

  /** Starts a call of the next client below its limit, and moves that client to the back of the queue. */
  #startNext(appId: string): void {
    const app = this.#apps.get(appId);
    if (app === undefined || app.running >= this.options.perApp) return;
    for (const [clientId, clientQueue] of app.clients) {
      const next = clientQueue.waiting[0];
      if (next === undefined || clientQueue.running >= this.options.perClient) continue;
      app.clients.delete(clientId);
      app.clients.set(clientId, clientQueue);
      next.start();
      return;
    }
  }

  #removeIfIdle(appId: string, clientId: ClientId): void {
    const app = this.#apps.get(appId);
    const clientQueue = app?.clients.get(clientId);
    if (app === undefined || clientQueue === undefined) return;
    if (clientQueue.running === 0 && clientQueue.waiting.length === 0) app.clients.delete(clientId);
    if (app.clients.size === 0) this.#apps.delete(appId);
  }

  #tooManyCallsError(): GatewayError {
    return new GatewayError('too_many_calls', { retryAfterSeconds: 1 });
  }
}
