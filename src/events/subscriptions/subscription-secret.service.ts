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

/** A signing secret that is in use. `expiresAt` null: until it is rotated. */
export interface SigningSecret {
  secret: SecretString;
  expiresAt: Date | null;
}

/** The signing secrets of subscriptions, sealed. Two or more are in use during a rotation. */
@Injectable()
export class SubscriptionSecretService {
  constructor(
    private readonly vault: Vault,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Creates the secret `version` of a subscription; to be shown once. */
  async create(tx: Transaction, subscriptionId: SubscriptionId, version: number): Promise<SecretString> {
    const secret = generateSigningSecret(this.random);
    const secretId = await this.vault.put(tx, secret, contextOf(subscriptionId, version));
    await insertSubscriptionSecret(tx, { subscriptionId, version, secretId, now: this.clock.now() });
    return secret;
  }

  /**
   * Adds a new secret to the old ones, which sign for at most `overlapSeconds` more. The caller must have locked the subscription's row.
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

  /** The secrets in use, newest first. Throws `DecryptionError` if one does not open. */
  async open(executor: SqlExecutor, subscriptionId: SubscriptionId): Promise<SigningSecret[]> {
    const rows = await listSubscriptionSecrets(executor, subscriptionId, this.clock.now());
    const opened: SigningSecret[] = [];
    for (const row of rows) {
      const secret = await this.vault.get(executor, row.secret_id, contextOf(subscriptionId, row.version));
      if (secret !== null) opened.push({ secret, expiresAt: row.expires_at });
    }
    return opened;
  }

  /** Destroys all secrets of a subscription. */
  async destroyAll(tx: Transaction, subscriptionId: SubscriptionId): Promise<void> {
    await this.vault.destroy(tx, await deleteSecretsOfSubscription(tx, subscriptionId));
  }

  /** Destroys replaced secrets that have expired. */
  async destroyExpired(tx: Transaction): Promise<void> {
    await this.vault.destroy(tx, await deleteExpiredSecrets(tx, this.clock.now()));
  }
}

/** A sealed secret that is moved to another subscription or version does not open. */
function contextOf(subscriptionId: SubscriptionId, version: number): SealContext {
  return ['subscription', subscriptionId, String(version)];
}
