import sql, { type Sql } from 'sql-template-tag';
import { insertEntriesSql } from '../audit/audit-entry.repository.ts';
import { type ArrayColumn, arrayRows } from '../database/array-rows.ts';
import type { ForeseenInput } from './issue-lease-row.ts';

/** FROM item `i`: the inputs, with their numbers `n`. */
export function leaseInputRows(inputs: readonly ForeseenInput[]): Sql {
  const column = (type: ArrayColumn[0], name: keyof ForeseenInput): ArrayColumn => [
    type,
    inputs.map((input) => input[name]),
  ];
  return arrayRows(sql`i`, {
    lease_id: column('text', 'leaseId'),
    audit_id: column('text', 'auditId'),
    audit_key: column('bytea', 'auditKey'),
    key_hash: column('bytea', 'keyHash'),
    policy_version: column('integer', 'policyVersion'),
    client_id: column('text', 'clientId'),
    request_id: column('text', 'requestId'),
    tenant: column('text', 'tenant'),
    product: column('text', 'product'),
    requested_connection: column('text', 'connectionId'),
    requested_asset: column('text', 'assetId'),
    mode: column('text', 'mode'),
    secret_hash: column('bytea', 'secretHash'),
    requested_expires_at: column('timestamptz', 'expiresAt'),
    valid_until: column('timestamptz', 'validUntil'),
    foreseen_connection: column('text', 'foreseenConnectionId'),
    foreseen_credential: column('text', 'foreseenCredentialId'),
    foreseen_version: column('integer', 'foreseenVersion'),
    foreseen_asset_type: column('text', 'foreseenAssetType'),
    foreseen_expires_at: column('timestamptz', 'foreseenExpiresAt'),
    mac: column('bytea', 'mac'),
  });
}

/** When the lease of a row with `requested_expires_at` and `token_expires_at` ends: in milliseconds, as in JavaScript. */
export const LEASE_EXPIRES_AT = sql`date_trunc('milliseconds', least(requested_expires_at, token_expires_at))`;

/** Whether a row's choice is the predicted one: compares everything that the MAC covers and the statement chooses. */
export const IS_FORESEEN = sql`mac IS NOT NULL AND connection_id = foreseen_connection AND credential_id = foreseen_credential
      AND version = foreseen_version AND asset_type IS NOT DISTINCT FROM foreseen_asset_type AND lease_expires_at = foreseen_expires_at`;

/**
 * CTEs `recorded (id, subject_id)` and `issued (id)` write what is in the CTE `foreseen`: audit entries first, and leases
 * of those that were written. `IS TRUE` has Postgres look them up by hash instead of comparing each with each.
 */
export const WRITE_FORESEEN = sql`recorded AS (
    ${insertEntriesSql(sql`SELECT audit_id, issued_at, 'lease.issued', 'client', client_id, tenant, product, connection_id, lease_id, request_id,
      json_build_object('mode', mode, 'credential_id', credential_id, 'credential_version', version, 'asset_id', requested_asset), audit_key
    FROM foreseen`)}
  ), issued AS (
    INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
      asset_type, asset_id, issued_at, expires_at, mac)
    SELECT lease_id, secret_hash, mode, client_id, connection_id, credential_id, version, tenant, product,
      asset_type, requested_asset, issued_at, lease_expires_at, mac FROM foreseen
    WHERE (lease_id IN (SELECT subject_id FROM recorded)) IS TRUE
    RETURNING id
  )`;
