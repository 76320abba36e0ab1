import sql, { type Sql } from 'sql-template-tag';

/**
 * A condition: since `since` a lease was issued of a newer version of the credential than `version`. The one statement that reads a table
 * of a module above this one: the versions that it finds are deleted and locked in the same statement.
 */
export function hasLeaseOfNewerVersion(of: { connectionId: Sql; credentialId: Sql; version: Sql; since: Sql }): Sql {
  return sql`EXISTS (
              SELECT 1 FROM lease l WHERE l.connection_id = ${of.connectionId} AND l.credential_id = ${of.credentialId}
                AND l.credential_version > ${of.version} AND l.issued_at >= ${of.since})`;
}
