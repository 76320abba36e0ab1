import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { cacheSize } from '../../platform/cache-size.ts';
import { Clock } from '../../platform/clock.ts';
import type { SubscriptionId } from '../ids.ts';
import type { SubscriberFault } from '../subscribers/attempt.ts';
import type { Subscriber } from '../subscribers/subscriber.ts';
import { findUrlFault } from '../subscribers/subscriber-address.ts';
import { toAddressRules } from '../subscribers/subscriber-http-client.ts';
import { SubscriptionRepository } from './subscription.repository.ts';
import { type SigningSecret, SubscriptionSecretService } from './subscription-secret.service.ts';

/** A cached subscription. `fault`: why the configuration forbids its URL. */
interface CachedSubscriber {
  revision: number;
  url: string;
  fault: string | null;
  secrets: readonly SigningSecret[];
}

const MAX_CACHED_SUBSCRIBERS = 1_000;

/** Caches subscriptions until their revision changes, so that deliveries need not open secrets each time. */
@Injectable()
export class SubscriberResolver {
  readonly #cached = new LRUCache<string, CachedSubscriber>(cacheSize(MAX_CACHED_SUBSCRIBERS));

  constructor(
    private readonly database: Database,
    private readonly subscriptions: SubscriptionRepository,
    private readonly secrets: SubscriptionSecretService,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /**
   * Returns the subscriber, or why nothing can be sent to it. `revision`: as of the claim. Rethrows database errors and
   * `DecryptionError`.
   */
  async get(id: SubscriptionId, revision: number): Promise<Subscriber | SubscriberFault> {
    const cached = this.#cached.get(id);
    const current = cached?.revision === revision ? cached : await this.read(id);
    if (current === null) return 'secret_unavailable';
    if (current.fault !== null) return 'address_refused';
    const now = this.clock.now();
    const inUse = current.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
    if (inUse.length === 0) return 'secret_unavailable';
    return { url: current.url, secrets: inUse.map(({ secret }) => secret) };
  }

  private async read(id: SubscriptionId): Promise<CachedSubscriber | null> {
    const row = await this.subscriptions.find(this.database, id, { tenants: null, products: null });
    if (row === null || row.status === 'deleted') return null;
    const { url, revision } = row;
    const cached: CachedSubscriber = {
      revision,
      url,
      fault: findUrlFault(url, toAddressRules(this.config)),
      secrets: await this.secrets.open(this.database, id),
    };
    this.#cached.set(id, cached);
    return cached;
  }
}
