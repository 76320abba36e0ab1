import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.ts';
import { MetaError } from './errors/meta-error.ts';
import { GraphTransport } from './graph/graph-transport.ts';
import { type MetaApp, MetaApps } from './meta-apps.ts';
import { MetaClient } from './meta-client.ts';

/** Calls Meta as the app that a token or a login belongs to. */
@Injectable()
export class MetaClients {
  readonly #clients = new WeakMap<MetaApp, MetaClient>();

  constructor(
    @Inject(GraphTransport) private readonly transport: GraphTransport,
    @Inject(MetaApps) private readonly apps: MetaApps,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Returns the client of an app in its current state. */
  as(app: MetaApp): MetaClient {
    const known = this.#clients.get(app) ?? new MetaClient(this.transport.as(app), this.clock);
    this.#clients.set(app, known);
    return known;
  }

  /**
   * Calls Meta as the app with this id, in its current state. If Meta refuses the app and the app was changed in the
   * meantime, calls once more: a new secret must not fail calls under way. Throws what the call throws, and `MetaError`
   * (`configuration`, `not_configured`) for an unknown app.
   */
  async call<T>(appId: string, send: (client: MetaClient) => Promise<T>): Promise<T> {
    const app = await this.require(appId);
    try {
      return await send(this.as(app));
    } catch (error) {
      if (!isRefusalOfApp(error)) throw error;
      const current = await this.apps.find(appId);
      if (current === null || current === app) throw error;
      return send(this.as(current));
    }
  }

  private async require(appId: string): Promise<MetaApp> {
    const app = await this.apps.find(appId);
    if (app !== null) return app;
    throw new MetaError({
      verdict: { kind: 'configuration', what: 'not_configured' },
      httpStatus: null,
      operation: 'find_app',
      mayHaveCommitted: false,
      networkReason: null,
    });
  }
}

/** A definite refusal of our app, which changed nothing at Meta. */
function isRefusalOfApp(error: unknown): boolean {
  return error instanceof MetaError && error.verdict.kind === 'configuration' && !error.mayHaveCommitted;
}
