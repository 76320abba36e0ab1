import sql from 'sql-template-tag';
import { hasPendingAuthorization } from '../../connections/authorization/pending-authorization.query.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectErrorCode } from '../connect-problems.ts';
import type { ConnectSessionId } from '../ids.ts';
import type { SessionActivity } from './session-status.ts';

interface ActivityRow {
  created_at: Date;
  is_pending: boolean;
  expires_at: Date | null;
  consumed_at: Date | null;
  error: ConnectErrorCode | null;
  last_error: ConnectErrorCode | null;
}

const selectActivity = defineStatement<{ id: ConnectSessionId }, ActivityRow>(
  'connect_session_activity',
  ({ id }) => sql`SELECT s.created_at, ${hasPendingAuthorization(sql`s.id`)} AS is_pending,
      n.expires_at, n.consumed_at, n.error,
      (SELECT a.error FROM connect_attempt a WHERE a.session_id = s.id AND a.error IS NOT NULL
        ORDER BY a.consumed_at DESC LIMIT 1) AS last_error
    FROM connect_session s LEFT JOIN LATERAL (
      SELECT a.expires_at, a.consumed_at, a.error FROM connect_attempt a WHERE a.session_id = s.id
      ORDER BY a.created_at DESC, a.consumed_at DESC NULLS LAST LIMIT 1) n ON true
    WHERE s.id = ${id}`,
);

/** Returns when a session was created and what its browsers are doing; null if it is gone. */
export async function findSessionActivity(
  executor: SqlExecutor,
  id: ConnectSessionId,
): Promise<(SessionActivity & { createdAt: Date }) | null> {
  const [row] = await executor.rows(selectActivity({ id }));
  if (row === undefined) return null;
  const { created_at: createdAt, is_pending: isPending, expires_at: expiresAt, consumed_at: consumedAt, error } = row;
  return {
    createdAt,
    isPending,
    newestAttempt: expiresAt === null ? null : { expiresAt, consumedAt, error },
    lastError: row.last_error,
  };
}
