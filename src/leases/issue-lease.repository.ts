import sql from 'sql-template-tag';
import { appVersionOf } from '../apps/app-version.query.ts';
import { insertEntriesSql } from '../audit/audit-entry.repository.ts';
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
import type { ForeseenLease, LeaseInput, LeaseRow } from './issue-lease-row.ts';

/** Inputs as one array per property, in input order. */
type LeaseInputArrays = { [K in keyof (LeaseInput & ForeseenLease)]: (LeaseInput & ForeseenLease)[K][] };

const OF_TENANT = isLiveConnectionOf({ tenant: sql`i.tenant`, product: sql`i.product` });

/** Credentials matching an input `i`; two rows stand for two or more. */
const MATCHES = sql`(SELECT ${LEASABLE_COLUMNS}, NULL::text AS asset_type, NULL::text AS asset_name FROM ${rootCredentialFrom(OF_TENANT)}
        WHERE i.requested_connection IS NULL AND i.requested_asset IS NULL LIMIT 2)
      UNION ALL (SELECT ${LEASABLE_COLUMNS}, NULL, NULL FROM ${rootCredentialFrom(sql`c.id = i.requested_connection`)}
        WHERE i.requested_asset IS NULL AND ${OF_TENANT})
      UNION ALL (SELECT ${LEASABLE_COLUMNS}, a.type, a.name FROM ${assetCredentialFrom(sql`i.requested_asset`)}
        WHERE (i.requested_connection IS NULL OR c.id = i.requested_connection) AND ${OF_TENANT}
        ORDER BY ${WORKING_FIRST} LIMIT 1)`;

/** Milliseconds, the precision of JavaScript's dates. */
const CHOSEN = sql`SELECT *, date_trunc('milliseconds', least(requested_expires_at, token_expires_at)) AS lease_expires_at FROM found
    WHERE matches = 1 AND known AND ${canServeUntil(sql`valid_until`)}`;

/** Compares everything that the MAC covers and this statement chooses. */
const IS_FORESEEN = sql`mac IS NOT NULL AND connection_id = foreseen_connection AND credential_id = foreseen_credential
      AND version = foreseen_version AND asset_type IS NOT DISTINCT FROM foreseen_asset_type AND lease_expires_at = foreseen_expires_at`;

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
  ), recorded AS (
    ${insertEntriesSql(sql`SELECT audit_id, issued_at, 'lease.issued', 'client', client_id, tenant, product, connection_id, lease_id, request_id,
      json_build_object('mode', mode, 'credential_id', credential_id, 'credential_version', version, 'asset_id', requested_asset), audit_key
    FROM foreseen`)}
  ), issued AS (
    INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
      asset_type, asset_id, issued_at, expires_at, mac)
    SELECT lease_id, secret_hash, mode, client_id, connection_id, credential_id, version, tenant, product,
      asset_type, requested_asset, issued_at, lease_expires_at, mac FROM foreseen
    WHERE lease_id IN (SELECT subject_id FROM recorded)
    RETURNING id
  ), written AS (
    SELECT fs.* FROM foreseen fs JOIN issued ON issued.id = fs.lease_id
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
    SELECT i.*, ${now}::timestamptz AS issued_at, ${clientIsValid({ ...CLIENT_OF_INPUT, now })} AS known
    FROM unnest(${inputs.leaseId}::text[], ${inputs.auditId}::text[], ${inputs.keyHash}::bytea[], ${inputs.clientId}::text[],
      ${inputs.requestId}::text[], ${inputs.tenant}::text[], ${inputs.product}::text[], ${inputs.connectionId}::text[],
      ${inputs.assetId}::text[], ${inputs.mode}::text[], ${inputs.secretHash}::bytea[], ${inputs.expiresAt}::timestamptz[],
      ${inputs.validUntil}::timestamptz[], ${inputs.auditKey}::bytea[], ${inputs.policyVersion}::integer[], ${inputs.foreseenConnectionId}::text[],
      ${inputs.foreseenCredentialId}::text[], ${inputs.foreseenVersion}::integer[], ${inputs.foreseenAssetType}::text[],
      ${inputs.foreseenExpiresAt}::timestamptz[], ${inputs.mac}::bytea[])
      WITH ORDINALITY AS i (lease_id, audit_id, key_hash, client_id, request_id, tenant, product, requested_connection, requested_asset,
        mode, secret_hash, requested_expires_at, valid_until, audit_key, policy_version, foreseen_connection, foreseen_credential, foreseen_version,
        foreseen_asset_type, foreseen_expires_at, mac, n)
  ), ${ISSUE_AND_RECORD}`,
  { prepare: true },
);

/** Does nothing but make Postgres plan the statement. */
export const insertNoLeases = (now: Date): Statement => insertLeases({ now, inputs: toArrays([]) });

/** Issues all leases that can be issued, at the instant `now`. Returns a row per input, in input order. */
export async function issueLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  now: Date,
  inputs: readonly (LeaseInput & ForeseenLease)[],
): Promise<LeaseRow[]> {
  const rows = await executor.rows(insertLeases({ now, inputs: toArrays(inputs) }));
  const results: LeaseRow[] = [];
  // Several rows for one input mean several matches; the first says so.
  for (const row of rows) results[Number(row.n) - 1] ??= row;
  return results;
}

function toArrays(inputs: readonly (LeaseInput & ForeseenLease)[]): LeaseInputArrays {
  return {
    leaseId: inputs.map((input) => input.leaseId),
    auditId: inputs.map((input) => input.auditId),
    auditKey: inputs.map((input) => input.auditKey),
    keyHash: inputs.map((input) => input.keyHash),
    policyVersion: inputs.map((input) => input.policyVersion),
    clientId: inputs.map((input) => input.clientId),
    requestId: inputs.map((input) => input.requestId),
    tenant: inputs.map((input) => input.tenant),
    product: inputs.map((input) => input.product),
    connectionId: inputs.map((input) => input.connectionId),
    assetId: inputs.map((input) => input.assetId),
    mode: inputs.map((input) => input.mode),
    secretHash: inputs.map((input) => input.secretHash),
    expiresAt: inputs.map((input) => input.expiresAt),
    validUntil: inputs.map((input) => input.validUntil),
    foreseenConnectionId: inputs.map((input) => input.foreseenConnectionId),
    foreseenCredentialId: inputs.map((input) => input.foreseenCredentialId),
    foreseenVersion: inputs.map((input) => input.foreseenVersion),
    foreseenAssetType: inputs.map((input) => input.foreseenAssetType),
    foreseenExpiresAt: inputs.map((input) => input.foreseenExpiresAt),
    mac: inputs.map((input) => input.mac),
  };
}
