import sql, { type Sql } from 'sql-template-tag';
import { insertEntriesSql } from '../audit/audit-entry.repository.ts';
import {
  defineArrayRows,
  defineValueRow,
  type Element,
  type ElementType,
  type RowArrays,
  toArrayLiteral,
} from '../database/array-rows.query.ts';
import type { ForeseenInput } from './issue-lease-row.ts';

const COLUMNS = {
  lease_id: ['text', ({ input }) => input.leaseId],
  audit_id: ['text', ({ input }) => input.auditId],
  audit_key: ['bytea', ({ input }) => input.auditKey],
  key_hash: ['bytea', ({ input }) => input.keyHash],
  policy_version: ['integer', ({ input }) => input.policyVersion],
  client_id: ['text', ({ input }) => input.clientId],
  request_id: ['text', ({ input }) => input.requestId],
  tenant: ['text', ({ input }) => input.tenant],
  product: ['text', ({ input }) => input.product],
  requested_connection: ['text', ({ input }) => input.connectionId],
  requested_asset: ['text', ({ input }) => input.assetId],
  mode: ['text', ({ input }) => input.mode],
  secret_hash: ['bytea', ({ input }) => input.secretHash],
  requested_expires_at: ['timestamptz', ({ input }) => input.expiresAt],
  valid_until: ['timestamptz', ({ input }) => input.validUntil],
  foreseen_connection: ['text', ({ foreseen }) => foreseen.foreseenConnectionId],
  foreseen_credential: ['text', ({ foreseen }) => foreseen.foreseenCredentialId],
  foreseen_version: ['integer', ({ foreseen }) => foreseen.foreseenVersion],
  foreseen_asset_type: ['text', ({ foreseen }) => foreseen.foreseenAssetType],
  foreseen_expires_at: ['timestamptz', ({ foreseen }) => foreseen.foreseenExpiresAt],
  mac: ['bytea', ({ foreseen }) => foreseen.mac],
} as const satisfies Record<string, readonly [ElementType, (input: ForeseenInput) => Element]>;
type Column = keyof typeof COLUMNS;
const NAMES = Object.keys(COLUMNS) as Column[];
const TYPES = Object.fromEntries(NAMES.map((name) => [name, COLUMNS[name][0]])) as Record<Column, ElementType>;

/** Inputs as one array literal per column. */
export type LeaseInputArrays = RowArrays<Column>;

export function toInputArrays(inputs: readonly ForeseenInput[]): LeaseInputArrays {
  const arrays: Partial<Record<Column, string>> = {};
  for (const name of NAMES) {
    const read: (input: ForeseenInput) => Element = COLUMNS[name][1];
    arrays[name] = toArrayLiteral(inputs.map(read));
  }
  return { ...(arrays as Record<Column, string>), count: inputs.length };
}

/** FROM item `i`: the inputs, with their numbers `n`. */
export const leaseInputRows = defineArrayRows<Column>('i', TYPES);

/** One input as one value per column. */
export type LeaseInputValues = Readonly<Record<Column, Element>>;

/** Stands for no input: no lease has a null id. */
export const NO_INPUT = Object.fromEntries(NAMES.map((name) => [name, null])) as Record<Column, null>;

export function toInputValues(input: ForeseenInput): LeaseInputValues {
  const values: Partial<Record<Column, Element>> = {};
  for (const name of NAMES) values[name] = COLUMNS[name][1](input);
  return values as LeaseInputValues;
}

/** FROM item `i`: the same for one input, with `n` = 1. */
export const leaseInputRow = defineValueRow<Column>('i', TYPES);

/**
 * When the lease of a row with `requested_expires_at` and `token_expires_at` ends, truncated to JavaScript's
 * milliseconds.
 */
export const LEASE_EXPIRES_AT = sql`date_trunc('milliseconds', least(requested_expires_at, token_expires_at))`;

/** Whether a row's choice is the predicted one: compares everything that the MAC covers and the statement chooses. */
export const IS_FORESEEN = sql`mac IS NOT NULL AND connection_id = foreseen_connection AND credential_id = foreseen_credential
      AND version = foreseen_version AND asset_type IS NOT DISTINCT FROM foreseen_asset_type AND lease_expires_at = foreseen_expires_at`;

/** How a statement checks whether a row's audit entry, or its lease, was written: conditions on `lease_id`. */
export interface WrittenConditions {
  isRecorded: Sql;
  isIssued: Sql;
}

/** Looks them up by hash, instead of comparing every pair. */
export const AMONG_WRITTEN: WrittenConditions = {
  isRecorded: sql`lease_id IN (SELECT subject_id FROM recorded)`,
  isIssued: sql`lease_id IN (SELECT id FROM issued)`,
};

/** For a statement that writes at most one row. */
export const THE_WRITTEN: WrittenConditions = {
  isRecorded: sql`lease_id = (SELECT subject_id FROM recorded)`,
  isIssued: sql`lease_id = (SELECT id FROM issued)`,
};

/**
 * CTEs `recorded (id, subject_id)` and `issued (id)` write what is in the CTE `foreseen`: audit entries first, then the
 * leases whose entries were written. Without `IS TRUE`, Postgres would compare every pair.
 */
export const writeForeseen = ({ isRecorded }: WrittenConditions): Sql => sql`recorded AS (
    ${insertEntriesSql(sql`SELECT audit_id, issued_at, 'lease.issued', 'client', client_id, tenant, product, connection_id, lease_id, request_id,
      json_build_object('mode', mode, 'credential_id', credential_id, 'credential_version', version, 'asset_id', requested_asset), audit_key
    FROM foreseen`)}
  ), issued AS (
    INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
      asset_type, asset_id, issued_at, expires_at, mac)
    SELECT lease_id, secret_hash, mode, client_id, connection_id, credential_id, version, tenant, product,
      asset_type, requested_asset, issued_at, lease_expires_at, mac FROM foreseen
    WHERE (${isRecorded}) IS TRUE
    RETURNING id
  )`;
