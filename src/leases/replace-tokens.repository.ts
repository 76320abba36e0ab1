import sql from 'sql-template-tag';
import { insertEntriesSql } from '../audit/audit-entry.repository.ts';
import type { AuditEntryId } from '../audit/ids.ts';
import type { ClientId } from '../auth/ids.ts';
import { credentialOfToken } from '../connections/credentials/leasable-credential.query.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { IS_INTERFERED_WITH } from '../database/interference.query.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { LeaseId } from './ids.ts';

/** The credential that one of Meta's tokens belongs to. */
export interface CredentialOfToken {
  /** The token's number, from 1. */
  n: string;
  credential_id: CredentialId;
  version: number;
  expires_at: Date | null;
}

/** A Meta token found in a response. */
interface FoundToken {
  tokenHash: Buffer;
  /** Id of the object that contained it, if any. */
  pageId: string | null;
}

const selectCredentials = defineStatement<
  { connectionId: ConnectionId; tokenHashes: readonly Buffer[]; pageIds: readonly (string | null)[] },
  CredentialOfToken
>(
  'lease_credentials_of_tokens',
  ({ connectionId, tokenHashes, pageIds }) => sql`SELECT r.n, k.id AS credential_id, k.version, k.expires_at
    FROM unnest(${tokenHashes}::bytea[], ${pageIds}::text[]) WITH ORDINALITY AS r (token_hash, page_id, n)
    JOIN LATERAL (
      ${credentialOfToken({ connectionId: sql`${connectionId}`, tokenHash: sql`r.token_hash`, pageId: sql`r.page_id` })}
    ) k ON true`,
  { prepare: true },
);

/** Finds which credentials of a connection these tokens belong to; unknown tokens have no row. */
export function findCredentialsOfTokens(
  executor: Pick<SqlExecutor, 'rows'>,
  connectionId: ConnectionId,
  tokens: readonly FoundToken[],
): Promise<CredentialOfToken[]> {
  const tokenHashes = tokens.map(({ tokenHash }) => tokenHash);
  return executor.rows(selectCredentials({ connectionId, tokenHashes, pageIds: tokens.map(({ pageId }) => pageId) }));
}

/** A lease issued in place of a Meta token. */
export interface ReplacementLease {
  leaseId: LeaseId;
  secretHash: Buffer;
  credentialId: CredentialId;
  credentialVersion: number;
  expiresAt: Date;
  mac: Buffer;
  auditId: AuditEntryId;
  auditKey: Buffer;
}

interface ParentLease {
  clientId: ClientId;
  tenant: string;
  product: string;
  connectionId: ConnectionId;
  leaseId: LeaseId;
  /** Leases whose end also ends the new ones: those the response was for, and their ancestors. */
  ancestorIds: readonly LeaseId[];
}

/** Result of one replacement; `unrecorded` and `unwritten` as for other leases. */
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
    ancestorIds,
    now,
    replacements,
  }) => sql`WITH chosen AS MATERIALIZED (
          SELECT * FROM unnest(${replacements.leaseId}::text[], ${replacements.secretHash}::bytea[], ${replacements.credentialId}::text[],
              ${replacements.credentialVersion}::integer[], ${replacements.expiresAt}::timestamptz[], ${replacements.mac}::bytea[],
              ${replacements.auditId}::text[], ${replacements.auditKey}::bytea[])
            AS r (lease_id, secret_hash, credential_id, version, expires_at, mac, audit_id, audit_key)
        ), recorded AS (
          ${insertEntriesSql(sql`SELECT ch.audit_id, ${now}::timestamptz, 'lease.issued', 'client', ${clientId}::text, ${tenant}::text, ${product}::text, ${connectionId}::text, ch.lease_id, NULL::text,
            json_build_object('mode', 'gateway', 'credential_id', ch.credential_id, 'credential_version', ch.version,
              'parent_lease_id', ${leaseId}::text), ch.audit_key
          FROM chosen ch`)}
        ), issued AS (
          INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
            issued_at, expires_at, ancestor_ids, mac)
          SELECT ch.lease_id, ch.secret_hash, 'gateway', ${clientId}::text, ${connectionId}::text, ch.credential_id, ch.version,
            ${tenant}::text, ${product}::text, ${now}::timestamptz, ch.expires_at,
            ${ancestorIds}::text[], ch.mac
          FROM chosen ch WHERE ch.lease_id IN (SELECT subject_id FROM recorded)
          RETURNING id
        ) SELECT ch.lease_id AS id, CASE WHEN ch.lease_id IN (SELECT id FROM issued) THEN 'issued'
            WHEN ch.lease_id IN (SELECT subject_id FROM recorded) THEN 'unwritten' ELSE 'unrecorded' END AS outcome,
            ${IS_INTERFERED_WITH} AS is_interfered_with
          FROM chosen ch`,
  { prepare: true },
);

/** Issues these leases with their audit entries, all at the instant `now`. Returns a row for each. */
export async function insertReplacementLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  parent: ParentLease,
  now: Date,
  leases: readonly ReplacementLease[],
): Promise<ReplacementRow[]> {
  const replacements = {
    leaseId: leases.map((lease) => lease.leaseId),
    secretHash: leases.map((lease) => lease.secretHash),
    credentialId: leases.map((lease) => lease.credentialId),
    credentialVersion: leases.map((lease) => lease.credentialVersion),
    expiresAt: leases.map((lease) => lease.expiresAt),
    mac: leases.map((lease) => lease.mac),
    auditId: leases.map((lease) => lease.auditId),
    auditKey: leases.map((lease) => lease.auditKey),
  };
  const { clientId, tenant, product, connectionId, leaseId, ancestorIds } = parent;
  return executor.rows(
    insertReplacements({ clientId, tenant, product, connectionId, leaseId, ancestorIds, now, replacements }),
  );
}
