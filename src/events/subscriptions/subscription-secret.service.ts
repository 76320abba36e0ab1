import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SealContext } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import { generateSigningSecret } from '../subscribers/standard-webhook.ts';

/** A signing secret that is in use. `expiresAt` null: until it is rotated. */
export interface SigningSecret {
  secret: SecretString;
  expiresAt: Date | null;
}

interface SecretRow {
  version: number;
  secret_id: string;
  expires_at: Date | null;
}

/** The signing secrets of subscriptions, sealed. Two or more are in use during a rotation. */
@Injectable()
export class SubscriptionSecretService {
  constructor(
    private readonly vault: Vault,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Makes the secret `version` of a subscription; to be shown once. */
  async create(tx: Transaction, subscriptionId: string, version: number): Promise<SecretString> {
    const secret = generateSigningSecret(this.random);
    const secretId = await this.vault.put(tx, secret, contextOf(subscriptionId, version));
    await tx.run({
      text: 'INSERT INTO subscription_secret (subscription_id, version, secret_id, created_at) VALUES ($1, $2, $3, $4)',
      values: [subscriptionId, version, secretId, this.clock.now()],
    });
    return secret;
  }

  /** A new secret beside the old ones, which sign for `overlapSeconds` more at the most. The caller holds the subscription's row. */
  async rotate(
    tx: Transaction,
    subscriptionId: string,
    overlapSeconds: number,
  ): Promise<{ secret: SecretString; previousExpiresAt: Date }> {
    const previousExpiresAt = addSeconds(this.clock.now(), overlapSeconds);
    await tx.run({
      text: `UPDATE subscription_secret SET expires_at = $2
        WHERE subscription_id = $1 AND (expires_at IS NULL OR expires_at > $2)`,
      values: [subscriptionId, previousExpiresAt],
    });
    const versions = await tx.rows<{ version: number }>({
      text: 'SELECT coalesce(max(version), 0) AS version FROM subscription_secret WHERE subscription_id = $1',
      values: [subscriptionId],
    });
    const secret = await this.create(tx, subscriptionId, (versions[0]?.version ?? 0) + 1);
    await this.destroyExpired(tx);
    return { secret, previousExpiresAt };
  }

  /** The secrets in use, the newest first. Throws `DecryptionError` where one does not open. */
  async open(sql: SqlExecutor, subscriptionId: string): Promise<SigningSecret[]> {
    const rows = await sql.rows<SecretRow>({
      text: `SELECT version, secret_id, expires_at FROM subscription_secret
        WHERE subscription_id = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY version DESC`,
      values: [subscriptionId, this.clock.now()],
    });
    const opened: SigningSecret[] = [];
    for (const row of rows) {
      const secret = await this.vault.get(sql, row.secret_id, contextOf(subscriptionId, row.version));
      if (secret !== null) opened.push({ secret, expiresAt: row.expires_at });
    }
    return opened;
  }

  /** Destroys all secrets of a subscription. */
  async destroyAll(tx: Transaction, subscriptionId: string): Promise<void> {
    await this.destroy(tx, 'subscription_id = $1', subscriptionId);
  }

  /** Destroys what was replaced and signs no more. */
  async destroyExpired(tx: Transaction): Promise<void> {
    await this.destroy(tx, 'expires_at <= $1', this.clock.now());
  }

  private async destroy(tx: Transaction, condition: string, value: string | Date): Promise<void> {
    const rows = await tx.rows<{ secret_id: string }>({
      text: `DELETE FROM subscription_secret WHERE ${condition} RETURNING secret_id`,
      values: [value],
    });
    await this.vault.destroy(
      tx,
      rows.map(({ secret_id }) => secret_id),
    );
  }
}

/** A sealed secret that is moved to another subscription or version does not open. */
function contextOf(subscriptionId: string, version: number): SealContext {
  return ['subscription', subscriptionId, String(version)];
}
