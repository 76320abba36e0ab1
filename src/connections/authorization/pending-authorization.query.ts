import sql, { type Sql } from 'sql-template-tag';

/** A condition: a token that came by this connect session is not a connection yet. `sessionId` is a column of the statement around it. */
export function hasPendingAuthorization(sessionId: Sql): Sql {
  return sql`EXISTS (SELECT 1 FROM pending_authorization i WHERE i.session_id = ${sessionId})`;
}
