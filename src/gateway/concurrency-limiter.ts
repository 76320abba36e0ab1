import type { Cancellation } from '../platform/cancellation.ts';
import { GatewayRefusal } from './gateway-error.ts';

export interface CallLimitOptions {
  /** Calls of one client that may be under way on this replica. */
  perClient: number;
  /** Calls with tokens of one app. */
  perApp: number;
  /** Calls of one client that may wait for their turn. */
  waitingPerClient: number;
  waitMs: number;
}

export const DEFAULT_LIMITS: CallLimitOptions = { perClient: 256, perApp: 384, waitingPerClient: 512, waitMs: 10_000 };

/** Gives the place back. Once. */
export type Release = () => void;

interface Waiter {
  start(): void;
}

interface Lane {
  running: number;
  waiting: Waiter[];
}

/**
 * How many calls may be under way at once, for each client and each app. Who comes over waits; the clients of an app take turns, so
 * one that floods does not keep the others out. Who waits too long, or comes when too many wait, is refused with 429.
 */
export class CallLimits {
  readonly #apps = new Map<string, { running: number; clients: Map<string, Lane> }>();

  constructor(private readonly options: CallLimitOptions = DEFAULT_LIMITS) {}

  /** A place for one call: at once where there is one, else when its turn comes. Rejects with `too_many_calls`. */
  acquire(appId: string, clientId: string, cancellation: Cancellation): Release | Promise<Release> {
    const app = this.#apps.get(appId) ?? { running: 0, clients: new Map<string, Lane>() };
    this.#apps.set(appId, app);
    const lane = app.clients.get(clientId) ?? { running: 0, waiting: [] };
    app.clients.set(clientId, lane);
    if (app.running < this.options.perApp && lane.running < this.options.perClient && lane.waiting.length === 0) {
      return this.#start(appId, clientId);
    }
    if (lane.waiting.length >= this.options.waitingPerClient) throw this.#refusal();
    return this.#wait(appId, clientId, lane, cancellation);
  }

  /** Calls under way and waiting, over all apps. */
  count(): { running: number; waiting: number } {
    let running = 0;
    let waiting = 0;
    for (const app of this.#apps.values()) {
      running += app.running;
      for (const lane of app.clients.values()) waiting += lane.waiting.length;
    }
    return { running, waiting };
  }

  #wait(appId: string, clientId: string, lane: Lane, cancellation: Cancellation): Promise<Release> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        cancellation.tell(null);
        const index = lane.waiting.indexOf(waiter);
        if (index >= 0) lane.waiting.splice(index, 1);
        this.#forget(appId, clientId);
      };
      const giveUp = (): void => {
        leave();
        reject(this.#refusal());
      };
      const waiter: Waiter = {
        start: () => {
          const release = this.#start(appId, clientId);
          leave();
          resolve(release);
        },
      };
      const timer = setTimeout(giveUp, this.options.waitMs);
      lane.waiting.push(waiter);
      cancellation.tell(giveUp);
    });
  }

  #start(appId: string, clientId: string): Release {
    const app = this.#apps.get(appId);
    const lane = app?.clients.get(clientId);
    if (app === undefined || lane === undefined) throw new Error('a call started without its lane');
    app.running++;
    lane.running++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      app.running--;
      lane.running--;
      this.#startNext(appId);
      this.#forget(appId, clientId);
    };
  }

  /** The next client in turn that has room: it goes to the back of the line afterwards. */
  #startNext(appId: string): void {
    const app = this.#apps.get(appId);
    if (app === undefined || app.running >= this.options.perApp) return;
    for (const [clientId, lane] of app.clients) {
      const next = lane.waiting[0];
      if (next === undefined || lane.running >= this.options.perClient) continue;
      app.clients.delete(clientId);
      app.clients.set(clientId, lane);
      next.start();
      return;
    }
  }

  #forget(appId: string, clientId: string): void {
    const app = this.#apps.get(appId);
    const lane = app?.clients.get(clientId);
    if (app === undefined || lane === undefined) return;
    if (lane.running === 0 && lane.waiting.length === 0) app.clients.delete(clientId);
    if (app.clients.size === 0) this.#apps.delete(appId);
  }

  #refusal(): GatewayRefusal {
    return new GatewayRefusal('too_many_calls', { retryAfterSeconds: 1 });
  }
}
