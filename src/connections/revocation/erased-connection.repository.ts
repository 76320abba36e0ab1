import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';

/** Replaces an erased user's id. */
const ERASED = 'erased';

const eraseCredentials = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'credentials_erase',
  ({
    connectionId,
    now,
  }) => sql`UPDATE credential SET subject_id = ${`${ERASED}:`}::text || id, subject_name = NULL, failure = NULL,
      scopes = '{}', updated_at = ${now}
    WHERE connection_id = ${connectionId}`,
);

const eraseConnection = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'connection_erase',
  ({
    connectionId,
    now,
  }) => sql`UPDATE connection SET meta_user_id = ${ERASED}, app_scoped_user_id = NULL, status_reason = NULL,
      reference = NULL, metadata = '{}', scopes = '{}', declined_scopes = '{}', data_access_expires_at = NULL, expiry_notice_due_at = NULL, updated_at = ${now}
    WHERE id = ${connectionId}`,
);

const selectExistence = defineStatement<{ tenant: string }, { found: number }>(
  'tenant_has_connection',
  ({ tenant }) => sql`SELECT 1 AS found FROM connection WHERE tenant = ${tenant} AND meta_user_id <> ${ERASED} LIMIT 1`,
);

/** Whether a tenant has a connection that is not erased, revoked or not. */
export async function hasConnection(executor: SqlExecutor, tenant: string): Promise<boolean> {
  return (await executor.rows(selectExistence({ tenant }))).length > 0;
}

export async function updateErasedCredentials(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  now: Date,
): Promise<void> {
  await executor.run(eraseCredentials({ connectionId, now }));
}

export async function updateErasedConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  now: Date,
): Promise<void> {
  await executor.run(eraseConnection({ connectionId, now }));
}
