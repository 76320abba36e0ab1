import sql, { type Sql } from 'sql-template-tag';

/**
 * Whether a token from this connect session has yet to become a connection. `sessionId`: a column of the outer
 * statement.
 */
export function hasPendingAuthorization(sessionId: Sql): Sql {
  return sql`EXISTS (SELECT 1 FROM pending_authorization i WHERE i.session_id = ${sessionId})`;
}
