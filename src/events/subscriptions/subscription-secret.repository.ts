import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { SubscriptionId } from '../ids.ts';

/** A secret in use. `expires_at` null: until rotated. */
interface SubscriptionSecretRow {
  version: number;
  secret_id: SecretId;
  expires_at: Date | null;
}

const insert = defineStatement<{ subscriptionId: SubscriptionId; version: number; secretId: SecretId; now: Date }>(
  'subscription_secret_insert',
  ({ subscriptionId, version, secretId, now }) => sql`
    INSERT INTO subscription_secret (subscription_id, version, secret_id, created_at)
    VALUES (${subscriptionId}, ${version}, ${secretId}, ${now})`,
);

const expire = defineStatement<{ subscriptionId: SubscriptionId; expiresAt: Date }>(
  'subscription_secret_expire',
  ({ subscriptionId, expiresAt }) => sql`
    UPDATE subscription_secret SET expires_at = ${expiresAt}
    WHERE subscription_id = ${subscriptionId} AND (expires_at IS NULL OR expires_at > ${expiresAt})`,
);

const selectLatestVersion = defineStatement<{ subscriptionId: SubscriptionId }, { version: number }>(
  'subscription_secret_select_latest_version',
  ({ subscriptionId }) => sql`
    SELECT coalesce(max(version), 0) AS version FROM subscription_secret WHERE subscription_id = ${subscriptionId}`,
);

const selectInUse = defineStatement<{ subscriptionId: SubscriptionId; now: Date }, SubscriptionSecretRow>(
  'subscription_secret_select_in_use',
  ({ subscriptionId, now }) => sql`
    SELECT version, secret_id, expires_at FROM subscription_secret
    WHERE subscription_id = ${subscriptionId} AND (expires_at IS NULL OR expires_at > ${now}) ORDER BY version DESC`,
);

const deleteOfSubscription = defineStatement<{ subscriptionId: SubscriptionId }, { secret_id: SecretId }>(
  'subscription_secret_delete_of_subscription',
  ({ subscriptionId }) => sql`
    DELETE FROM subscription_secret WHERE subscription_id = ${subscriptionId} RETURNING secret_id`,
);

const deleteExpired = defineStatement<{ now: Date }, { secret_id: SecretId }>(
  'subscription_secret_delete_expired',
  ({ now }) => sql`DELETE FROM subscription_secret WHERE expires_at <= ${now} RETURNING secret_id`,
);

export async function insertSubscriptionSecret(
  executor: SqlExecutor,
  secret: { subscriptionId: SubscriptionId; version: number; secretId: SecretId; now: Date },
): Promise<void> {
  await executor.run(insert(secret));
}

/** Caps the lifetime of a subscription's secrets at `expiresAt`. */
export async function expireSubscriptionSecrets(
  executor: SqlExecutor,
  subscriptionId: SubscriptionId,
  expiresAt: Date,
): Promise<void> {
  await executor.run(expire({ subscriptionId, expiresAt }));
}

/** Returns 0 if there is none. */
export async function findLatestSecretVersion(executor: SqlExecutor, subscriptionId: SubscriptionId): Promise<number> {
  const [row] = await executor.rows(selectLatestVersion({ subscriptionId }));
  return row?.version ?? 0;
}

/** Secrets in use, newest first. */
export function listSubscriptionSecrets(
  executor: SqlExecutor,
  subscriptionId: SubscriptionId,
  now: Date,
): Promise<SubscriptionSecretRow[]> {
  return executor.rows(selectInUse({ subscriptionId, now }));
}

/** Deletes a subscription's rows; returns the ids of their sealed secrets. */
export async function deleteSecretsOfSubscription(
  executor: SqlExecutor,
  subscriptionId: SubscriptionId,
): Promise<SecretId[]> {
  return (await executor.rows(deleteOfSubscription({ subscriptionId }))).map(({ secret_id }) => secret_id);
}

/** Deletes rows of replaced secrets that no longer sign; returns the ids of their sealed secrets. */
export async function deleteExpiredSecrets(executor: SqlExecutor, now: Date): Promise<SecretId[]> {
  return (await executor.rows(deleteExpired({ now }))).map(({ secret_id }) => secret_id);
}
