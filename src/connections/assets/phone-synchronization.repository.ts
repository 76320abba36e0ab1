import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetDetails } from '../connection/asset-details.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';

interface PhoneNumberKey {
  connectionId: ConnectionId;
  phoneNumberId: string;
}

const lockDetails = defineStatement<PhoneNumberKey, { details: AssetDetails | null }>(
  'phone_number_details_lock',
  ({ connectionId, phoneNumberId }) => sql`SELECT details FROM asset
    WHERE connection_id = ${connectionId} AND type = 'phone_number' AND id = ${phoneNumberId} FOR UPDATE`,
);

const setDetails = defineStatement<PhoneNumberKey & { details: string }>(
  'phone_number_details_set',
  ({ connectionId, phoneNumberId, details }) => sql`UPDATE asset SET details = ${details}::jsonb
    WHERE connection_id = ${connectionId} AND type = 'phone_number' AND id = ${phoneNumberId}`,
);

const scheduleNotices = defineStatement<{ connectionId: ConnectionId; leadSeconds: number }>(
  'synchronization_notices_schedule',
  ({ connectionId, leadSeconds }) => sql`UPDATE asset SET synchronization_notice_due_at =
      (details->'synchronization'->>'deadline_at')::timestamptz - make_interval(secs => ${leadSeconds}::integer)
    WHERE connection_id = ${connectionId} AND type = 'phone_number'
      AND details->'synchronization'->>'deadline_at' IS NOT NULL AND details->'synchronization'->>'announced_at' IS NULL`,
);

interface DueNoticeRow {
  connection_id: ConnectionId;
  tenant: string;
  product: string;
  status: ConnectionStatus;
  id: string;
  details: AssetDetails | null;
}

const lockDueNotices = defineStatement<{ now: Date; limit: number }, DueNoticeRow>(
  'synchronization_notices_due',
  ({ now, limit }) => sql`SELECT a.connection_id, n.tenant, n.product, n.status, a.id, a.details
    FROM asset a JOIN connection n ON n.id = a.connection_id
    WHERE a.type = 'phone_number' AND a.synchronization_notice_due_at <= ${now}
    ORDER BY a.synchronization_notice_due_at LIMIT ${limit} FOR UPDATE OF n, a SKIP LOCKED`,
  { prepare: true },
);

const clearNotice = defineStatement<PhoneNumberKey>(
  'synchronization_notice_clear',
  ({ connectionId, phoneNumberId }) => sql`UPDATE asset SET synchronization_notice_due_at = NULL
    WHERE connection_id = ${connectionId} AND type = 'phone_number' AND id = ${phoneNumberId}`,
);

/** A number whose synchronization window ends soon. */
export interface DueSynchronizationNotice {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  status: ConnectionStatus;
  phoneNumberId: string;
  details: AssetDetails | null;
}

/** Locks a number and reads its details. Undefined: the connection has no such number. */
export async function lockPhoneNumberDetails(
  executor: SqlExecutor,
  key: PhoneNumberKey,
): Promise<AssetDetails | null | undefined> {
  const [row] = await executor.rows(lockDetails(key));
  return row === undefined ? undefined : row.details;
}

/** Replaces all details. Requires the number's lock. */
export async function setPhoneNumberDetails(
  executor: SqlExecutor,
  { connectionId, phoneNumberId }: PhoneNumberKey,
  details: AssetDetails,
): Promise<void> {
  await executor.run(setDetails({ connectionId, phoneNumberId, details: JSON.stringify(details) }));
}

/** Schedules notices for a connection's numbers `leadSeconds` before their deadlines, unless already announced. */
export async function scheduleSynchronizationNotices(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  leadSeconds: number,
): Promise<void> {
  await executor.run(scheduleNotices({ connectionId, leadSeconds }));
}

/** Locks numbers of all tenants whose notice is due. */
export async function lockDueSynchronizationNotices(
  executor: SqlExecutor,
  now: Date,
  limit: number,
): Promise<DueSynchronizationNotice[]> {
  const rows = await executor.rows(lockDueNotices({ now, limit }));
  return rows.map(({ connection_id: connectionId, id: phoneNumberId, ...row }) => ({
    ...row,
    connectionId,
    phoneNumberId,
  }));
}

export async function clearSynchronizationNotice(
  executor: SqlExecutor,
  { connectionId, phoneNumberId }: PhoneNumberKey,
): Promise<void> {
  await executor.run(clearNotice({ connectionId, phoneNumberId }));
}
