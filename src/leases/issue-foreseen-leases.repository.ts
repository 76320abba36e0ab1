import sql from 'sql-template-tag';
import { appVersionOf } from '../apps/app-version.query.ts';
import { clientIsValid } from '../auth/client-conditions.query.ts';
import {
  activeCredentialJoins,
  canServeUntil,
  isOnlyLiveConnection,
  LEASABLE_COLUMNS,
} from '../connections/credentials/leasable-credential.query.ts';
import { IS_INTERFERED_WITH } from '../database/interference.query.ts';
import { defineStatement, type SqlExecutor, type Statement } from '../database/statement.ts';
import { joinSealedSecret, sealedSecretColumns } from '../vault/sealed-secret.repository.ts';
import type { ForeseenInput, ForeseenLeaseRow } from './issue-lease-row.ts';
import {
  IS_FORESEEN,
  LEASE_EXPIRES_AT,
  type LeaseInputArrays,
  leaseInputRows,
  toInputArrays,
  WRITE_FORESEEN,
} from './write-leases.query.ts';

const OF_INPUT = { tenant: sql`i.tenant`, product: sql`i.product` };
const CLIENT_OF_INPUT = { clientId: sql`i.client_id`, keyHash: sql`i.key_hash`, policyVersion: sql`i.policy_version` };

const FORESEEN_CREDENTIAL = activeCredentialJoins({
  connectionId: sql`i.foreseen_connection`,
  credentialId: sql`i.foreseen_credential`,
});

/** Looks for other connections only where the request names none. */
const IS_WANTED = sql`i.requested_asset IS NULL AND c.tenant = i.tenant AND c.product = i.product AND k.is_root AND k.connection_id = c.id
          AND CASE WHEN i.requested_connection IS NULL THEN ${isOnlyLiveConnection(sql`c.id`, OF_INPUT)}
            ELSE c.id = i.requested_connection END`;

/** Constant tail of the statement: only the parameters are built per request. */
const WRITE_AND_READ = sql`) found
    ) chosen WHERE ${canServeUntil(sql`valid_until`)} AND ${IS_FORESEEN}
  ), ${WRITE_FORESEEN}
  SELECT f.n, CASE WHEN f.is_issued THEN 'issued' WHEN f.lease_id IN (SELECT subject_id FROM recorded) THEN 'unwritten'
      ELSE 'unrecorded' END AS outcome,
    CASE WHEN f.is_issued THEN f.mode END AS mode, f.connection_id, f.status, f.credential_id, f.kind, f.app_id, f.version, f.health,
    to_json(f.scopes) AS scopes, f.token_expires_at, f.secret_id, f.asset_type, NULL::text AS asset_name,
    CASE WHEN f.is_issued THEN f.lease_expires_at END AS lease_expires_at,
    CASE WHEN f.mode = 'token' THEN ${appVersionOf(sql`f.app_id`)} END AS app_version,
    ${IS_INTERFERED_WITH} AS is_interfered_with, ${sealedSecretColumns(sql`s`)}
  FROM (SELECT *, lease_id IN (SELECT id FROM issued) AS is_issued FROM foreseen OFFSET 0) f
    LEFT ${joinSealedSecret(sql`s`, sql`CASE WHEN f.is_issued AND f.mode = 'token' THEN f.secret_id END`)}`;

/** Reads what was predicted by its keys. */
const insertForeseen = defineStatement<{ now: Date; inputs: LeaseInputArrays }, ForeseenLeaseRow>(
  'lease_issue_foreseen',
  ({ now, inputs }) => sql`WITH foreseen AS MATERIALIZED (
    SELECT * FROM (
      SELECT found.*, ${LEASE_EXPIRES_AT} AS lease_expires_at FROM (
        SELECT i.*, ${now}::timestamptz AS issued_at, ${LEASABLE_COLUMNS}, NULL::text AS asset_type
        FROM ${leaseInputRows(inputs)} ${FORESEEN_CREDENTIAL}
        WHERE ${IS_WANTED} AND ${clientIsValid({ ...CLIENT_OF_INPUT, now })}
      ${WRITE_AND_READ}`,
  { prepare: true },
);

/** Does nothing but make Postgres plan the statement. */
export const insertNoForeseenLeases = (now: Date): Statement => insertForeseen({ now, inputs: toInputArrays([]) });

/**
 * Issues the leases whose prediction is right at the instant `now`, in one statement, as `issueLeases` does but with
 * half of its work: nothing is searched. Returns rows by the input's number `n`, from 1; none for inputs that name an
 * asset, and for those for which something has changed. `issueLeases` then says what.
 */
export function issueForeseenLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  now: Date,
  inputs: readonly ForeseenInput[],
): Promise<ForeseenLeaseRow[]> {
  return executor.rows(insertForeseen({ now, inputs: toInputArrays(inputs) }));
}
