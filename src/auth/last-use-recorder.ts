import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database } from '../database/database.ts';
import { cacheSize } from '../platform/cache-size.ts';
import { Clock } from '../platform/clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import type { CallerId } from './ids.ts';
import { recordClientUse, recordKeyUse } from './last-use.repository.ts';

const WRITE_INTERVAL_MS = 60_000;
/** Uses within this time share one write. */
const FLUSH_DELAY_MS = 1_000;
const MAX_TRACKED = 10_000;

/**
 * Records when clients and keys were last used, at most once a minute each and outside of requests. Skips locked rows
 * rather than wait; the next use is recorded again.
 */
@Injectable()
export class LastUseRecorder implements OnApplicationShutdown {
  /** When each was last written, by client id or key hash. */
  readonly #writtenAtMs = new LRUCache<string, number>(cacheSize(MAX_TRACKED));
  #clients = new Map<CallerId, Date>();
  #keys = new Map<string, { hash: Buffer; at: Date }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Called on the hot path: must not throw or block. */
  report({ clientId, keyHash }: AuthenticatedClient): void {
    const now = this.clock.now();
    if (this.isDue(clientId, now)) this.#clients.set(clientId, now);
    if (keyHash !== null) {
      const key = keyHash.toString('latin1');
      if (this.isDue(key, now)) this.#keys.set(key, { hash: keyHash, at: now });
    }
    if (this.#clients.size > 0 || this.#keys.size > 0)
      this.#timer ??= setTimeout(() => void this.flush(), FLUSH_DELAY_MS).unref();
  }

  /** Writes the collected uses. Never rejects. */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const clients = [...this.#clients].map(([id, at]) => ({ id, at }));
    const keys = [...this.#keys.values()];
    this.#clients = new Map();
    this.#keys = new Map();
    try {
      if (clients.length > 0) await recordClientUse(this.database, clients);
      if (keys.length > 0) await recordKeyUse(this.database, keys);
    } catch (error) {
      this.logger.warn({ err: error }, 'could not record when keys were last used');
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.flush();
  }

  private isDue(name: string, now: Date): boolean {
    const written = this.#writtenAtMs.get(name);
    if (written !== undefined && now.getTime() - written < WRITE_INTERVAL_MS) return false;
    this.#writtenAtMs.set(name, now.getTime());
    return true;
  }
}
