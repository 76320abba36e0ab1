import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AnnouncedAccount } from './announced-account.ts';

interface AnnouncedAccountRow {
  waba_id: string;
  business_id: string | null;
  app_id: string | null;
  announced_at: Date;
  reported_at: Date | null;
}

/**
 * An account already waiting keeps its time; one already decided waits again. If it is announced to several apps within
 * the same wait, the last one counts: a customer signs up under one.
 */
const insertAccounts = defineStatement<{
  wabaIds: string[];
  businessIds: (string | null)[];
  appId: string | null;
  announcedAt: Date;
  dueAt: Date;
}>(
  'announced_account_insert',
  ({ wabaIds, businessIds, appId, announcedAt, dueAt }) => sql`INSERT INTO announced_account AS a
      (waba_id, business_id, app_id, announced_at, due_at)
    SELECT n.waba_id, n.business_id, ${appId}::text, ${announcedAt}::timestamptz, ${dueAt}::timestamptz
      FROM unnest(${wabaIds}::text[], ${businessIds}::text[]) AS n (waba_id, business_id) ORDER BY n.waba_id
    ON CONFLICT (waba_id) DO UPDATE SET business_id = coalesce(EXCLUDED.business_id, a.business_id), app_id = EXCLUDED.app_id,
      announced_at = CASE WHEN a.due_at IS NULL THEN EXCLUDED.announced_at ELSE a.announced_at END,
      due_at = coalesce(a.due_at, EXCLUDED.due_at)`,
);

const lockDue = defineStatement<{ now: Date }, AnnouncedAccountRow>(
  'announced_account_lock_due',
  ({ now }) => sql`SELECT waba_id, business_id, app_id, announced_at, reported_at FROM announced_account
    WHERE due_at <= ${now} ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
);

const updateDue = defineStatement<{ wabaId: string; dueAt: Date | null; reportedAt: Date | null }>(
  'announced_account_due',
  ({ wabaId, dueAt, reportedAt }) => sql`UPDATE announced_account
    SET due_at = ${dueAt}, reported_at = coalesce(${reportedAt}::timestamptz, reported_at) WHERE waba_id = ${wabaId}`,
);

const deleteDecided = defineStatement<{ before: Date; limit: number }>(
  'announced_account_delete',
  ({ before, limit }) => sql`DELETE FROM announced_account WHERE waba_id IN (
    SELECT waba_id FROM announced_account WHERE due_at IS NULL AND announced_at < ${before}
    LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

/** Expects each account once. Accounts already waiting keep their time. */
export async function insertAnnouncedAccounts(
  executor: SqlExecutor,
  accounts: readonly Pick<AnnouncedAccount, 'wabaId' | 'businessId'>[],
  { appId, announcedAt, dueAt }: { appId: string | null; announcedAt: Date; dueAt: Date },
): Promise<void> {
  const wabaIds = accounts.map(({ wabaId }) => wabaId);
  const businessIds = accounts.map(({ businessId }) => businessId);
  await executor.run(insertAccounts({ wabaIds, businessIds, appId, announcedAt, dueAt }));
}

/** Locks one due account until the transaction ends. Null: none that is free. */
export async function lockDueAccount(tx: SqlExecutor, now: Date): Promise<AnnouncedAccount | null> {
  const [row] = await tx.rows(lockDue({ now }));
  if (row === undefined) return null;
  const { waba_id: wabaId, business_id: businessId, app_id: appId } = row;
  return { wabaId, businessId, appId, announcedAt: row.announced_at, reportedAt: row.reported_at };
}

/** Sets when to decide about the account again; null: decided. `reportedAt`: set if subscribers were notified now. */
export async function updateAccountDue(
  tx: SqlExecutor,
  wabaId: string,
  { dueAt, reportedAt }: { dueAt: Date | null; reportedAt: Date | null },
): Promise<void> {
  await tx.run(updateDue({ wabaId, dueAt, reportedAt }));
}

/** Deletes up to `limit` decided accounts announced before `before`; returns how many. */
export function deleteDecidedAccounts(executor: SqlExecutor, before: Date, limit: number): Promise<number> {
  return executor.run(deleteDecided({ before, limit }));
}
