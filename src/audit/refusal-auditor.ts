import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Database } from '../database/database.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AuditLog } from './audit-log.ts';

/** One request that was refused for who sent it, from where, or for what its client may not. */
export interface Refusal {
  /** What is one flood: of one kind from one source. */
  kind: string;
  /** The client's id where it is proven, else the network. */
  source: string;
  /** Null where nobody was proven. */
  clientId: string | null;
  tenant?: string;
  product?: string;
  connectionId?: string;
  requestId: string;
  /** `reason`, and what tells operators more: never a key, a token, or what came in a body. */
  details: { reason: string } & Record<string, string>;
}

/** What a proven client may not, by the pattern of the route. */
export function createClientRefusal(clientId: string, request: FastifyRequest, reason: string): Refusal {
  const route = `${request.method} ${request.routeOptions.url ?? 'unmatched'}`;
  return { kind: reason, source: clientId, clientId, requestId: String(request.id), details: { reason, route } };
}

interface RefusalWindow {
  first: Refusal;
  startedAtMs: number;
  /** Since it began, besides the one that began it. */
  repeats: number;
}

const WINDOW_MS = 10 * 60_000;
const SWEEP_MS = 30_000;
/** Sources are made by callers. Those beyond are counted together, by kind. */
const MAX_WINDOWS = 1_000;

/**
 * Tells the audit record of refusals once and not as a flood: the first of its kind from a source at once, those of the following ten
 * minutes as one number at their end. On each replica by itself.
 */
@Injectable()
export class RefusalAuditor implements OnApplicationShutdown {
  readonly #windows = new Map<string, RefusalWindow>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Resolves when its entry, where it has one, is written. Never rejects: a refusal stands without its entry. */
  async report(refusal: Refusal): Promise<void> {
    const now = this.clock.now().getTime();
    const target = this.windowKeyOf(refusal);
    const window = this.#windows.get(target.key);
    if (window !== undefined && now - window.startedAtMs < WINDOW_MS) {
      window.repeats++;
      return;
    }
    this.#windows.set(target.key, { first: target.refusal, startedAtMs: now, repeats: 0 });
    this.#timer ??= setInterval(() => void this.sweep(), SWEEP_MS).unref();
    if (window !== undefined && window.repeats > 0) await this.recordRepeats(window);
    await this.write(target.refusal, {});
  }

  /** Tells of the windows that are over; a flood that goes on gets one entry for each. */
  async sweep(): Promise<void> {
    const now = this.clock.now().getTime();
    const over = [...this.#windows].filter(([, { startedAtMs }]) => now - startedAtMs >= WINDOW_MS);
    for (const [key, window] of over) {
      if (window.repeats === 0) this.#windows.delete(key);
      else this.#windows.set(key, { ...window, startedAtMs: now, repeats: 0 });
    }
    for (const [, window] of over) await this.recordRepeats(window);
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    const open = [...this.#windows.values()];
    this.#windows.clear();
    for (const window of open) await this.recordRepeats(window);
  }

  private windowKeyOf(refusal: Refusal): { key: string; refusal: Refusal } {
    const key = `${refusal.kind} ${refusal.source}`;
    if (this.#windows.size < MAX_WINDOWS || this.#windows.has(key)) return { key, refusal };
    const { kind, requestId, details } = refusal;
    const others = {
      kind,
      source: 'others',
      clientId: null,
      requestId,
      details: { reason: details.reason, address: 'others' },
    };
    return { key: `${kind} others`, refusal: others };
  }

  /** The refusal waits for its entry, so it must not have the patience of other work where the database hangs. */
  private failFastSql(): SqlExecutor {
    const { failFast } = this.database;
    return {
      rows: (statement) => failFast.rows(statement),
      run: async (statement) => (await failFast.rows(statement)).length,
    };
  }

  private async recordRepeats({ first, repeats, startedAtMs }: RefusalWindow): Promise<void> {
    if (repeats > 0) await this.write(first, { repeats, since: new Date(startedAtMs).toISOString() });
  }

  private async write(refusal: Refusal, more: { repeats?: number; since?: string }): Promise<void> {
    const { clientId, tenant, product, connectionId, requestId, details } = refusal;
    try {
      await this.audit.record(this.failFastSql(), {
        action: 'access.refused',
        actor: { kind: 'client', id: clientId },
        tenant: tenant ?? null,
        product: product ?? null,
        connectionId: connectionId ?? null,
        requestId: more.repeats === undefined ? requestId : null,
        details: { ...details, ...more },
      });
    } catch (error) {
      // It must not turn into a 500 that tells of our database either.
      this.logger.error({ err: error, ...details }, 'a refusal could not be recorded');
    }
  }
}
