import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { urlFault } from './subscriber-address.ts';
import { addressRules } from './subscriber-http-client.ts';
import { type SigningSecret, SubscriptionSecrets } from './subscription-secret.repository.ts';

/** Where a subscription's deliveries go, and what signs them. */
export interface Subscriber {
  url: string;
  /** Never empty, the newest first. */
  secrets: readonly SecretString[];
}

/** A subscription as it is kept in memory. `fault`: its URL is one that the configuration does not allow (any more). */
interface Known {
  revision: number;
  url: string;
  fault: string | null;
  secrets: readonly SigningSecret[];
}

/** What a subscriber can't be sent to for: the word for the record. */
export type SubscriberFault = 'address_refused' | 'secret_unavailable';

const MOST_KNOWN = 1_000;

/** Subscriptions as deliveries need them, kept as long as their revision stays, so that a delivery opens no secret. */
@Injectable()
export class Subscribers {
  readonly #known = new Map<string, Known>();

  constructor(
    private readonly database: Database,
    private readonly secrets: SubscriptionSecrets,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /** The subscriber, or why nothing can be sent to it. `revision` is that of the claim. Throws what the database throws, and `SealBroken`. */
  async get(id: string, revision: number): Promise<Subscriber | SubscriberFault> {
    const known = this.#known.get(id);
    const current = known?.revision === revision ? known : await this.read(id);
    if (current === null) return 'secret_unavailable';
    if (current.fault !== null) return 'address_refused';
    const now = this.clock.now();
    const inUse = current.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
    if (inUse.length === 0) return 'secret_unavailable';
    return { url: current.url, secrets: inUse.map(({ secret }) => secret) };
  }

  private async read(id: string): Promise<Known | null> {
    const [row] = await this.database.rows<{ url: string; revision: number }>({
      text: `SELECT url, revision FROM subscription WHERE id = $1 AND status <> 'deleted'`,
      values: [id],
    });
    if (row === undefined) return null;
    const known = {
      ...row,
      fault: urlFault(row.url, addressRules(this.config)),
      secrets: await this.secrets.open(this.database, id),
    };
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(id, known);
    return known;
  }
}
