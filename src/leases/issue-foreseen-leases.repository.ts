import sql, { type Sql } from 'sql-template-tag';
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
  AMONG_WRITTEN,
  IS_FORESEEN,
  LEASE_EXPIRES_AT,
  type LeaseInputArrays,
  type LeaseInputValues,
  leaseInputRow,
  leaseInputRows,
  NO_INPUT,
  THE_WRITTEN,
  toInputArrays,
  toInputValues,
  type WrittenConditions,
  writeForeseen,
} from './write-leases.query.ts';

const OF_INPUT = { tenant: sql`i.tenant`, product: sql`i.product` };
const CLIENT_OF_INPUT = { clientId: sql`i.client_id`, keyHash: sql`i.key_hash`, policyVersion: sql`i.policy_version` };

const FORESEEN_CREDENTIAL = activeCredentialJoins({
  connectionId: sql`i.foreseen_connection`,
  credentialId: sql`i.foreseen_credential`,
});

/** Searches for other connections only if the request names none. */
const IS_WANTED = sql`i.requested_asset IS NULL AND c.tenant = i.tenant AND c.product = i.product AND k.is_root AND k.connection_id = c.id
          AND CASE WHEN i.requested_connection IS NULL THEN ${isOnlyLiveConnection(sql`c.id`, OF_INPUT)}
            ELSE c.id = i.requested_connection END`;

/** Only what is written or returned: each column costs Postgres time at every step of the plan. */
const COLUMNS = sql`n, lease_id, audit_id, audit_key, client_id, request_id, tenant, product, requested_asset, asset_type, mode, secret_hash, mac,
      issued_at, lease_expires_at, connection_id, status, credential_id, kind, app_id, version, health, scopes, token_expires_at, secret_id`;

const writeAndRead = (written: WrittenConditions): Sql => sql`) found
    ) chosen WHERE ${canServeUntil(sql`valid_until`)} AND ${IS_FORESEEN}
  ), ${writeForeseen(written)}
  SELECT f.n, CASE WHEN f.issued_mode IS NOT NULL THEN 'issued' WHEN f.is_recorded THEN 'unwritten'
      ELSE 'unrecorded' END AS outcome,
    f.issued_mode AS mode, f.connection_id, f.status, f.credential_id, f.kind, f.app_id, f.version, f.health,
    to_json(f.scopes) AS scopes, f.token_expires_at, f.secret_id, f.asset_type, NULL::text AS asset_name,
    CASE WHEN f.issued_mode IS NOT NULL THEN f.lease_expires_at END AS lease_expires_at,
    CASE WHEN f.issued_mode = 'token' THEN ${appVersionOf(sql`f.app_id`)} END AS app_version,
    ${IS_INTERFERED_WITH} AS is_interfered_with, ${sealedSecretColumns(sql`s`)}
  FROM (SELECT n, connection_id, status, credential_id, kind, app_id, version, health, scopes, token_expires_at, secret_id, asset_type,
      lease_expires_at, ${written.isRecorded} AS is_recorded, CASE WHEN ${written.isIssued} THEN mode END AS issued_mode FROM foreseen OFFSET 0) f
    LEFT ${joinSealedSecret(sql`s`, sql`CASE WHEN f.issued_mode = 'token' THEN f.secret_id END`)}`;

/** Constant tails of the statements: only the parameters are built per request. */
const WRITE_AND_READ_ALL = writeAndRead(AMONG_WRITTEN);
const WRITE_AND_READ_ONE = writeAndRead(THE_WRITTEN);

/** Reads the predicted rows by their keys. `rows`: FROM item `i`. */
const insertForeseenOf = (now: Date, rows: Sql, tail: Sql): Sql => sql`WITH foreseen AS MATERIALIZED (
    SELECT ${COLUMNS} FROM (
      SELECT found.*, ${LEASE_EXPIRES_AT} AS lease_expires_at FROM (
        SELECT i.*, ${now}::timestamptz AS issued_at, ${LEASABLE_COLUMNS}, NULL::text AS asset_type
        FROM ${rows} ${FORESEEN_CREDENTIAL}
        WHERE ${IS_WANTED} AND ${clientIsValid({ ...CLIENT_OF_INPUT, now })}
      ${tail}`;

const insertForeseen = defineStatement<{ now: Date; inputs: LeaseInputArrays }, ForeseenLeaseRow>(
  'lease_issue_foreseen',
  ({ now, inputs }) => insertForeseenOf(now, leaseInputRows(inputs), WRITE_AND_READ_ALL),
  { prepare: true },
);

/** The same for one lease, so that Postgres need not unpack its parameters from arrays. */
const insertForeseenOne = defineStatement<{ now: Date; input: LeaseInputValues }, ForeseenLeaseRow>(
  'lease_issue_foreseen_one',
  ({ now, input }) => insertForeseenOf(now, leaseInputRow(input), WRITE_AND_READ_ONE),
  { prepare: true },
);

/** These do nothing except make Postgres plan the statements. */
export const insertNoForeseenLeases = (now: Date): Statement[] => [
  insertForeseen({ now, inputs: toInputArrays([]) }),
  insertForeseenOne({ now, input: NO_INPUT }),
];

/**
 * Issues the leases whose prediction is right at the instant `now`, in one statement, as `issueLeases` does but with
 * half the work: nothing is searched. Returns rows by the input's number `n`, from 1; none for inputs that name an
 * asset, nor for those for which something has changed. `issueLeases` then determines what.
 */
export function issueForeseenLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  now: Date,
  inputs: readonly ForeseenInput[],
): Promise<ForeseenLeaseRow[]> {
  const [only] = inputs;
  return executor.rows(
    only !== undefined && inputs.length === 1
      ? insertForeseenOne({ now, input: toInputValues(only) })
      : insertForeseen({ now, inputs: toInputArrays(inputs) }),
  );
}
