import sql from 'sql-template-tag';
import { appVersionOf } from '../apps/app-version.query.ts';
import { clientIsValid } from '../auth/client-conditions.query.ts';
import {
  assetCredentialFrom,
  canServeUntil,
  isLiveConnectionOf,
  LEASABLE_COLUMNS,
  rootCredentialFrom,
  WORKING_FIRST,
} from '../connections/credentials/leasable-credential.query.ts';
import { IS_INTERFERED_WITH } from '../database/interference.query.ts';
import { defineStatement, type SqlExecutor, type Statement } from '../database/statement.ts';
import { joinSealedSecret, sealedSecretColumns } from '../vault/sealed-secret.repository.ts';
import type { ForeseenInput, LeaseRow } from './issue-lease-row.ts';
import {
  AMONG_WRITTEN,
  IS_FORESEEN,
  LEASE_EXPIRES_AT,
  type LeaseInputArrays,
  leaseInputRows,
  toInputArrays,
  writeForeseen,
} from './write-leases.query.ts';

const OF_TENANT = isLiveConnectionOf({ tenant: sql`i.tenant`, product: sql`i.product` });

/** Credentials matching an input `i`; two rows stand for two or more. */
const MATCHES = sql`(SELECT ${LEASABLE_COLUMNS}, NULL::text AS asset_type, NULL::text AS asset_name FROM ${rootCredentialFrom(OF_TENANT)}
        WHERE i.requested_connection IS NULL AND i.requested_asset IS NULL LIMIT 2)
      UNION ALL (SELECT ${LEASABLE_COLUMNS}, NULL, NULL FROM ${rootCredentialFrom(sql`c.id = i.requested_connection`)}
        WHERE i.requested_asset IS NULL AND ${OF_TENANT})
      UNION ALL (SELECT ${LEASABLE_COLUMNS}, a.type, a.name FROM ${assetCredentialFrom(sql`i.requested_asset`)}
        WHERE (i.requested_connection IS NULL OR c.id = i.requested_connection) AND ${OF_TENANT}
        ORDER BY ${WORKING_FIRST} LIMIT 1)`;

const CHOSEN = sql`SELECT *, ${LEASE_EXPIRES_AT} AS lease_expires_at FROM found
    WHERE matches = 1 AND known AND ${canServeUntil(sql`valid_until`)}`;

const CLIENT_OF_INPUT = { clientId: sql`i.client_id`, keyHash: sql`i.key_hash`, policyVersion: sql`i.policy_version` };

/** Constant tail of the statement: only the parameters are built per request. */
const ISSUE_AND_RECORD = sql`found AS MATERIALIZED (
    SELECT i.*, x.*, count(x.connection_id) OVER (PARTITION BY i.n) AS matches FROM lease_input i LEFT JOIN LATERAL (
      ${MATCHES}
    ) x ON true
  ), chosen AS MATERIALIZED (
    ${CHOSEN}
  ), foreseen AS MATERIALIZED (
    SELECT * FROM chosen WHERE ${IS_FORESEEN}
  ), ${writeForeseen(AMONG_WRITTEN)}, written AS (
    SELECT * FROM foreseen WHERE (lease_id IN (SELECT id FROM issued)) IS TRUE
  )
  SELECT f.n, CASE WHEN NOT f.known THEN 'outdated_client' WHEN ch.n IS NOT NULL THEN 'issued'
      WHEN f.lease_id IN (SELECT subject_id FROM recorded) THEN 'unwritten' WHEN f.n IN (SELECT n FROM foreseen) THEN 'unrecorded'
      WHEN f.n IN (SELECT n FROM chosen) THEN 'unforeseen'
      WHEN f.matches = 0 THEN 'no_match' WHEN f.matches > 1 THEN 'several_matches'
      WHEN f.credential_id IS NULL THEN 'without_credential' ELSE 'refused' END AS outcome,
    ch.mode, f.connection_id, f.status, f.credential_id, f.kind, f.app_id, f.version, f.health, to_json(f.scopes) AS scopes, f.token_expires_at,
    f.secret_id, f.asset_type, f.asset_name, ch.lease_expires_at,
    CASE WHEN ch.mode = 'token' THEN ${appVersionOf(sql`f.app_id`)} END AS app_version,
    ${IS_INTERFERED_WITH} AS is_interfered_with, ${sealedSecretColumns(sql`s`)}
  FROM found f LEFT JOIN written ch ON ch.n = f.n 
    LEFT ${joinSealedSecret(sql`s`, sql`CASE ch.mode WHEN 'token' THEN ch.secret_id END`)}
  ORDER BY f.n`;

/**
 * Issues leases in one statement and one round trip. For each input: rechecks the client's key and policy, finds the
 * credential, writes the audit entry, then the lease if the entry was written, and reads the sealed token. Writes
 * nothing unless exactly one live credential matched and it is the predicted one. By tenant and product alone, two
 * connections are ambiguous. An asset takes the newest live connection that reaches it, and none if Meta gives no token
 * for it. Scopes are returned as JSON, which native code parses, unlike Postgres arrays.
 */
const insertLeases = defineStatement<{ now: Date; inputs: LeaseInputArrays }, LeaseRow>(
  'lease_issue',
  ({ now, inputs }) => sql`WITH lease_input AS MATERIALIZED (
    SELECT i.*, ${now}::timestamptz AS issued_at, ${clientIsValid({ ...CLIENT_OF_INPUT, now })} AS known FROM ${leaseInputRows(inputs)}
  ), ${ISSUE_AND_RECORD}`,
  { prepare: true },
);

/** Does nothing except make Postgres plan the statement. */
export const insertNoLeases = (now: Date): Statement => insertLeases({ now, inputs: toInputArrays([]) });

/** Issues all leases that can be issued, at the instant `now`. Returns a row per input, in input order. */
export async function issueLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  now: Date,
  inputs: readonly ForeseenInput[],
): Promise<LeaseRow[]> {
  const rows = await executor.rows(insertLeases({ now, inputs: toInputArrays(inputs) }));
  const results: LeaseRow[] = [];
  // Several rows for one input mean several matches; the first one reports that.
  for (const row of rows) results[row.n - 1] ??= row;
  return results;
}
