import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SealContext } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import type { SubscriptionId } from '../ids.ts';
import { generateSigningSecret } from '../subscribers/standard-webhook.ts';
import {
  deleteExpiredSecrets,
  deleteSecretsOfSubscription,
  expireSubscriptionSecrets,
  findLatestSecretVersion,
  insertSubscriptionSecret,
  listSubscriptionSecrets,
} from './subscription-secret.repository.ts';

/** A signing secret in use. `expiresAt` null: until rotated. */
export interface SigningSecret {
  secret: SecretString;
  expiresAt: Date | null;
}

/** Signing secrets of subscriptions, sealed. During a rotation, two or more are in use. */
@Injectable()
export class SubscriptionSecretService {
  constructor(
    private readonly vault: Vault,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Creates secret number `version` of a subscription. Show it only once. */
  async create(tx: Transaction, subscriptionId: SubscriptionId, version: number): Promise<SecretString> {
    const secret = generateSigningSecret(this.random);
    const secretId = await this.vault.put(tx, secret, contextOf(subscriptionId, version));
    await insertSubscriptionSecret(tx, { subscriptionId, version, secretId, now: this.clock.now() });
    return secret;
  }

  /**
   * Adds a new secret. The old ones sign for at most `overlapSeconds` more. The caller must hold the lock on the
   * subscription's row.
   */
  async rotate(
    tx: Transaction,
    subscriptionId: SubscriptionId,
    overlapSeconds: number,
  ): Promise<{ secret: SecretString; previousExpiresAt: Date }> {
    const previousExpiresAt = addSeconds(this.clock.now(), overlapSeconds);
    await expireSubscriptionSecrets(tx, subscriptionId, previousExpiresAt);
    const version = (await findLatestSecretVersion(tx, subscriptionId)) + 1;
    const secret = await this.create(tx, subscriptionId, version);
    await this.destroyExpired(tx);
    return { secret, previousExpiresAt };
  }

  /** Secrets in use, newest first. Throws `DecryptionError` if one cannot be opened. */
  async open(executor: SqlExecutor, subscriptionId: SubscriptionId): Promise<SigningSecret[]> {
    const rows = await listSubscriptionSecrets(executor, subscriptionId, this.clock.now());
    const opened: SigningSecret[] = [];
    for (const row of rows) {
      const secret = await this.vault.get(executor, row.secret_id, contextOf(subscriptionId, row.version));
      if (secret !== null) opened.push({ secret, expiresAt: row.expires_at });
    }
    return opened;
  }

  /** Destroys all of a subscription's secrets. */
  async destroyAll(tx: Transaction, subscriptionId: SubscriptionId): Promise<void> {
    await this.vault.destroy(tx, await deleteSecretsOfSubscription(tx, subscriptionId));
  }

  /** Destroys replaced secrets that have expired. */
  async destroyExpired(tx: Transaction): Promise<void> {
    await this.vault.destroy(tx, await deleteExpiredSecrets(tx, this.clock.now()));
  }
}

/** Binds a sealed secret to its subscription and version. */
function contextOf(subscriptionId: SubscriptionId, version: number): SealContext {
  return ['subscription', subscriptionId, String(version)];
}
