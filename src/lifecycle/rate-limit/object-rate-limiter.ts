import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { ThrottleScope } from '../../meta/errors/classify-error.ts';
import type { UsageNotice } from '../../meta/graph/usage-observer.ts';
import { cacheSize } from '../../platform/cache-size.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { type ObjectRateLimit, ObjectRateLimitRepository } from './object-rate-limit.repository.ts';
import { objectStopSeconds } from './rate-limit-rules.ts';

/** Objects remembered per replica. Calling a forgotten one does little harm. */
const MAX_OBJECTS = 5_000;

/**
 * Limits background calls to single objects: a user, Page, business, account or number. What this replica observes
 * counts here at once, and on others once stored.
 */
@Injectable()
export class ObjectRateLimiter {
  readonly #limits = new LRUCache<string, ObjectRateLimit>(cacheSize(MAX_OBJECTS));
  readonly #unsaved = new Map<string, ObjectRateLimit>();

  constructor(
    private readonly repository: ObjectRateLimitRepository,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Whether there is something to store. */
  get hasUnsaved(): boolean {
    return this.#unsaved.size > 0;
  }

  /** Takes limits from a response: of objects that its headers name, and of the one called. */
  observe(appId: string, { usage, throttle, objectId }: UsageNotice): void {
    for (const entry of usage.entries) {
      const id = entry.objectId ?? objectId;
      if (entry.regainAccessSeconds > 0 && id !== null) this.stop(appId, id, 'object', entry.regainAccessSeconds);
    }
    if (throttle !== null && objectId !== null) this.stop(appId, objectId, throttle.scope, throttle.retryAfterSeconds);
  }

  /** Stops calls to an object. Ignores limits that are not an object's. */
  stop(appId: string, objectId: string, scope: ThrottleScope, retryAfterSeconds: number | null): void {
    const seconds = objectStopSeconds(scope, retryAfterSeconds);
    if (seconds <= 0) return;
    const key = `${appId} ${objectId}`;
    const stoppedUntil = addSeconds(this.clock.now(), seconds);
    const known = this.#limits.get(key);
    if (known !== undefined && known.stoppedUntil >= stoppedUntil) return;
    const limit = { appId, objectId, scope, stoppedUntil };
    this.#limits.set(key, limit);
    if (this.#unsaved.size < MAX_OBJECTS) this.#unsaved.set(key, limit);
  }

  /** Returns until when calls to these objects must wait, by this replica and the database; null if they need not. */
  async stoppedUntil(appId: string, objectIds: readonly string[]): Promise<Date | null> {
    if (objectIds.length === 0) return null;
    const now = this.clock.now();
    const stored = await this.repository.findLatestEnd(appId, objectIds, now);
    return objectIds.reduce<Date | null>((latest, objectId) => {
      const own = this.#limits.get(`${appId} ${objectId}`)?.stoppedUntil;
      return own !== undefined && own > now && (latest === null || own > latest) ? own : latest;
    }, stored);
  }

  /** Stores what this replica observed, for the others. */
  async flush(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const limits = new Map(this.#unsaved);
    this.#unsaved.clear();
    try {
      await this.repository.merge([...limits.values()], this.clock.now());
    } catch (error) {
      for (const [key, limit] of limits) if (!this.#unsaved.has(key)) this.#unsaved.set(key, limit);
      this.logger.warn({ err: error }, 'rate limits of objects could not be stored for other replicas');
    }
  }
}
