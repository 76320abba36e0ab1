import sql from 'sql-template-tag';
import { insertEntriesSql } from '../audit/audit-entry.repository.ts';
import type { AuditEntryId } from '../audit/ids.ts';
import type { ClientId } from '../auth/ids.ts';
import { credentialOfToken } from '../connections/credentials/leasable-credential.query.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { IS_INTERFERED_WITH } from '../database/interference.query.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { LeaseId } from './ids.ts';

/** A lease that replaces one of Meta's tokens. */
interface ReplacementLease {
  leaseId: LeaseId;
  secretHash: Buffer;
  /** Blind index of Meta's token. */
  tokenHash: Buffer;
  auditId: AuditEntryId;
  auditKey: Buffer;
  /** The id of the object that contained the token, if it had one. */
  pageId: string | null;
}

/** The lease of the call. */
interface ParentLease {
  clientId: ClientId;
  tenant: string;
  product: string;
  connectionId: ConnectionId;
  leaseId: LeaseId;
  /** When the first of the leases below ends. */
  expiresAt: Date;
  /** The leases that the new ones end with: those that the answer was for, and their own ancestors. */
  ancestorIds: readonly LeaseId[];
}

/** A lease for a token that is a credential; `unrecorded` and `unwritten` as for other leases. */
export interface ReplacementRow {
  id: LeaseId;
  outcome: 'issued' | 'unrecorded' | 'unwritten';
  is_interfered_with: boolean;
}

type ReplacementArrays = { [K in keyof ReplacementLease]: ReplacementLease[K][] };

const insertReplacements = defineStatement<
  ParentLease & { now: Date; replacements: ReplacementArrays },
  ReplacementRow
>(
  'lease_replace_tokens',
  ({
    clientId,
    tenant,
    product,
    connectionId,
    leaseId,
    expiresAt,
    ancestorIds,
    now,
    replacements,
  }) => sql`WITH lease_input AS (
          SELECT * FROM unnest(${replacements.leaseId}::text[], ${replacements.secretHash}::bytea[], ${replacements.tokenHash}::bytea[],
              ${replacements.auditId}::text[], ${replacements.auditKey}::bytea[], ${replacements.pageId}::text[])
            AS r (lease_id, secret_hash, token_hash, audit_id, audit_key, page_id)
        ), chosen AS MATERIALIZED (
          SELECT r.*, k.id AS credential_id, k.version, least(${expiresAt}::timestamptz, k.expires_at) AS expires_at
          FROM lease_input r JOIN LATERAL (
            ${credentialOfToken({ connectionId: sql`${connectionId}`, tokenHash: sql`r.token_hash`, pageId: sql`r.page_id` })}
          ) k ON true
        ), recorded AS (
          ${insertEntriesSql(sql`SELECT ch.audit_id, ${now}::timestamptz, 'lease.issued', 'client', ${clientId}::text, ${tenant}::text, ${product}::text, ${connectionId}::text, ch.lease_id, NULL::text,
            json_build_object('mode', 'gateway', 'credential_id', ch.credential_id, 'credential_version', ch.version,
              'parent_lease_id', ${leaseId}::text), ch.audit_key
          FROM chosen ch`)}
        ), issued AS (
          INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
            issued_at, expires_at, ancestor_ids)
          SELECT ch.lease_id, ch.secret_hash, 'gateway', ${clientId}::text, ${connectionId}::text, ch.credential_id, ch.version,
            ${tenant}::text, ${product}::text, ${now}::timestamptz, ch.expires_at,
            ${ancestorIds}::text[]
          FROM chosen ch WHERE ch.lease_id IN (SELECT subject_id FROM recorded)
          RETURNING id
        ) SELECT ch.lease_id AS id, CASE WHEN ch.lease_id IN (SELECT id FROM issued) THEN 'issued'
            WHEN ch.lease_id IN (SELECT subject_id FROM recorded) THEN 'unwritten' ELSE 'unrecorded' END AS outcome,
            ${IS_INTERFERED_WITH} AS is_interfered_with
          FROM chosen ch`,
  { prepare: true },
);

/** Issues a lease, with its audit entry, for each token that is a credential of the parent's connection; a row for each of these. */
export async function insertReplacementLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  parent: ParentLease,
  now: Date,
  leases: readonly ReplacementLease[],
): Promise<ReplacementRow[]> {
  const replacements = {
    leaseId: leases.map((lease) => lease.leaseId),
    secretHash: leases.map((lease) => lease.secretHash),
    tokenHash: leases.map((lease) => lease.tokenHash),
    auditId: leases.map((lease) => lease.auditId),
    auditKey: leases.map((lease) => lease.auditKey),
    pageId: leases.map((lease) => lease.pageId),
  };
  const { clientId, tenant, product, connectionId, leaseId, expiresAt, ancestorIds } = parent;
  return executor.rows(
    insertReplacements({ clientId, tenant, product, connectionId, leaseId, expiresAt, ancestorIds, now, replacements }),
  );
}
