import sql, { join, type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';
import { type ConnectionState, toConnectionState } from './connection-state.ts';
import {
  type ConnectionChange,
  type ConnectionStatus,
  type DecidedStatus,
  statusesAfter,
} from './connection-status.ts';
import type { StatusReason } from './status-reason.ts';

/** For updates of connection: the status after `change`, from the transition table; unchanged if not allowed. */
export function nextStatusSql(change: ConnectionChange): Sql {
  const cases = statusesAfter(change).map(([from, to]) => sql`WHEN ${from}::text THEN ${to}::text`);
  return sql`CASE status ${join(cases, ' ')} ELSE status END`;
}

export interface LockedConnection {
  tenant: string;
  product: string;
  status: ConnectionStatus;
  statusReason: StatusReason | null;
}

interface LockedConnectionRow {
  tenant: string;
  product: string;
  status: ConnectionStatus;
  status_reason: StatusReason | null;
}

const lock = defineStatement<{ connectionId: ConnectionId }, LockedConnectionRow>(
  'connection_lock',
  ({ connectionId }) =>
    sql`SELECT tenant, product, status, status_reason FROM connection WHERE id = ${connectionId} FOR UPDATE`,
  { prepare: true },
);

const setStatus = defineStatement<
  {
    connectionId: ConnectionId;
    status: DecidedStatus;
    statusReason: string | null;
    now: Date;
  },
  { generation: number }
>(
  'connection_set_status',
  ({ connectionId, status, statusReason, now }) => sql`UPDATE connection
    SET status = ${status}, status_reason = ${statusReason}, generation = generation + 1, updated_at = ${now}
    WHERE id = ${connectionId} RETURNING generation`,
);

const setReason = defineStatement<{ connectionId: ConnectionId; statusReason: string | null; now: Date }>(
  'connection_set_status_reason',
  ({ connectionId, statusReason, now }) =>
    sql`UPDATE connection SET status_reason = ${statusReason}, updated_at = ${now} WHERE id = ${connectionId}`,
);

const setReasonIfNone = defineStatement<{ connectionId: ConnectionId; statusReason: string; now: Date }>(
  'connection_set_status_reason_if_none',
  ({ connectionId, statusReason, now }) => sql`UPDATE connection
    SET status_reason = coalesce(status_reason, ${statusReason}::json), updated_at = ${now} WHERE id = ${connectionId}`,
);

interface DueNoticeRow {
  id: ConnectionId;
  tenant: string;
  product: string;
  data_access_expires_at: Date;
}

const lockDueNotices = defineStatement<{ now: Date; limit: number }, DueNoticeRow>(
  'expiry_notices_due',
  ({ now, limit }) => sql`SELECT id, tenant, product, data_access_expires_at FROM connection
    WHERE expiry_notice_due_at <= ${now} ORDER BY expiry_notice_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`,
  { prepare: true },
);

const setNoticeDue = defineStatement<{ connectionId: ConnectionId; dueAt: Date | null }>(
  'connection_set_expiry_notice_due',
  ({ connectionId, dueAt }) => sql`UPDATE connection SET expiry_notice_due_at = ${dueAt} WHERE id = ${connectionId}`,
);

/** Crosses tenants, for code that holds a credential or asset of the connection. Null: no such connection. */
export async function lockConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<LockedConnection | null> {
  const [row] = await executor.rows(lock({ connectionId }));
  if (row === undefined) return null;
  return { tenant: row.tenant, product: row.product, status: row.status, statusReason: row.status_reason };
}

/** Replaces the reason as well; null clears it. Returns the state for the audit entry. */
export async function updateConnectionStatus(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  status: DecidedStatus,
  reason: StatusReason | null,
  now: Date,
): Promise<ConnectionState> {
  const statusReason = reason === null ? null : JSON.stringify(reason);
  const [updated] = await executor.rows(setStatus({ connectionId, status, statusReason, now }));
  return toConnectionState(status, updated);
}

/** Sets the reason without changing the status. */
export async function updateStatusReason(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  reason: StatusReason | null,
  now: Date,
): Promise<void> {
  const statusReason = reason === null ? null : JSON.stringify(reason);
  await executor.run(setReason({ connectionId, statusReason, now }));
}

/** Sets the reason unless there is one. */
export async function addStatusReason(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  reason: StatusReason,
  now: Date,
): Promise<void> {
  await executor.run(setReasonIfNone({ connectionId, statusReason: JSON.stringify(reason), now }));
}

export interface DueNotice {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  dataAccessExpiresAt: Date;
}

/** Locks connections of all tenants whose notice of ending data access is due. */
export async function lockDueExpiryNotices(executor: SqlExecutor, now: Date, limit: number): Promise<DueNotice[]> {
  const rows = await executor.rows(lockDueNotices({ now, limit }));
  return rows.map((row) => ({
    connectionId: row.id,
    tenant: row.tenant,
    product: row.product,
    dataAccessExpiresAt: row.data_access_expires_at,
  }));
}

export async function scheduleExpiryNotice(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  dueAt: Date | null,
): Promise<void> {
  await executor.run(setNoticeDue({ connectionId, dueAt }));
}
