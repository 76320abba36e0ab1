import sql, { type Sql } from 'sql-template-tag';
import { clientCovers, joinClient } from '../auth/client-conditions.query.ts';
import { activeCredentialJoins } from '../connections/credentials/leasable-credential.query.ts';

/** The columns of `StoredLease`. */
export function leaseColumns(lease: Sql): Sql {
  return sql`${lease}.id, ${lease}.mode, ${lease}.secret_hash, ${lease}.client_id, ${lease}.tenant, ${lease}.product, ${lease}.connection_id,
    ${lease}.credential_id, ${lease}.credential_version, ${lease}.asset_type, ${lease}.asset_id, ${lease}.issued_at, ${lease}.expires_at,
    ${lease}.ancestor_ids, ${lease}.mac`;
}

/**
 * FROM clause: leases with these ids, their clients (`<client>`), active connections (`c`), and credentials (`k`).
 * `span`: a condition on `lease.id` by parameters alone, so that Postgres opens only the partitions of these leases.
 */
export function backedLeaseFrom(lease: Sql, client: Sql, ids: Sql, span: Sql): Sql {
  return sql`FROM unnest(${ids}) AS wanted (id)
    JOIN LATERAL (SELECT * FROM lease WHERE lease.id = wanted.id AND ${span} OFFSET 0) ${lease} ON true
  ${joinClient(client, sql`${lease}.client_id`)} AND ${clientCovers(client, lease)}
  ${activeCredentialJoins({ connectionId: sql`${lease}.connection_id`, credentialId: sql`${lease}.credential_id` })}`;
}

/**
 * Condition on a lease `l`: all its ancestors (leases whose responses it came from) are active and expire no sooner.
 * Checked on read, so ending a lease writes no others. Calls at the gateway check the same: `GatewayLeaseVerifier`.
 */
export const ANCESTORS_STAND = sql`(l.ancestor_ids IS NULL OR cardinality(l.ancestor_ids) = (
    SELECT count(*) ${backedLeaseFrom(sql`an`, sql`an_cl`, sql`l.ancestor_ids`, sql`true`)}
    WHERE an.mode = 'gateway' AND an.ended_at IS NULL AND an.expires_at >= l.expires_at
      AND k.secret_id IS NOT NULL))`;
