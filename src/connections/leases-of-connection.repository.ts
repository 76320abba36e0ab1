import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';

/**
 * The one place where this module touches a table of another: `lease` belongs to `leases`, which imports this module, and a connection and
 * its leases end in one transaction.
 */
const endActive = defineStatement<{ connectionId: string; now: Date }>(
  'leases_of_connection_end',
  ({ connectionId, now }) =>
    sql`UPDATE lease SET ended_at = ${now} WHERE connection_id = ${connectionId} AND expires_at > ${now} AND ended_at IS NULL`,
);

const clearAssets = defineStatement<{ connectionId: string }>(
  'leases_of_connection_clear_assets',
  ({ connectionId }) =>
    sql`UPDATE lease SET asset_type = NULL, asset_id = NULL WHERE connection_id = ${connectionId} AND asset_id IS NOT NULL`,
);

/** A lease counts only while its connection is active, so this is for the record. How many were active. */
export async function endLeases(executor: SqlExecutor, connectionId: string, now: Date): Promise<number> {
  return executor.run(endActive({ connectionId, now }));
}

/** What the leases of a connection reached is erased with it. */
export async function clearLeaseAssets(executor: SqlExecutor, connectionId: string): Promise<void> {
  await executor.run(clearAssets({ connectionId }));
}

/** A condition: since `since` a lease was issued of a newer version of the credential than `version`. */
export function hasLeaseOfNewerVersion(of: { connectionId: Sql; credentialId: Sql; version: Sql; since: Sql }): Sql {
  return sql`EXISTS (
              SELECT 1 FROM lease l WHERE l.connection_id = ${of.connectionId} AND l.credential_id = ${of.credentialId}
                AND l.credential_version > ${of.version} AND l.issued_at >= ${of.since})`;
}
