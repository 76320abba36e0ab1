import sql, { type Sql } from 'sql-template-tag';

/**
 * Condition: a lease of a newer credential version than `version` was issued since `since`. The only statement that
 * reads a table of a higher module, because the versions it finds are locked and deleted in the same statement.
 */
export function hasLeaseOfNewerVersion(of: { connectionId: Sql; credentialId: Sql; version: Sql; since: Sql }): Sql {
  return sql`EXISTS (
              SELECT 1 FROM lease l WHERE l.connection_id = ${of.connectionId} AND l.credential_id = ${of.credentialId}
                AND l.credential_version > ${of.version} AND l.issued_at >= ${of.since})`;
}
