import sql from 'sql-template-tag';
import { insertEntriesSql } from '../audit/audit-entry.repository.ts';
import type { AuditEntryId } from '../audit/ids.ts';
import type { ClientId } from '../auth/ids.ts';
import { credentialOfToken } from '../connections/credentials/leasable-credential.query.ts';
import type { ConnectionId } from '../connections/ids.ts';
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
  leaseExpiresAt: Date;
}

type ReplacementArrays = { [K in keyof ReplacementLease]: ReplacementLease[K][] };

const insertReplacements = defineStatement<
  ParentLease & { now: Date; replacements: ReplacementArrays },
  { id: LeaseId }
>(
  'lease_replace_tokens',
  ({ clientId, tenant, product, connectionId, leaseId, leaseExpiresAt, now, replacements }) => sql`WITH lease_input AS (
          SELECT * FROM unnest(${replacements.leaseId}::text[], ${replacements.secretHash}::bytea[], ${replacements.tokenHash}::bytea[],
              ${replacements.auditId}::text[], ${replacements.auditKey}::bytea[], ${replacements.pageId}::text[])
            AS r (lease_id, secret_hash, token_hash, audit_id, audit_key, page_id)
        ), issued AS (
          INSERT INTO lease (id, secret_hash, mode, client_id, connection_id, credential_id, credential_version, tenant, product,
            issued_at, expires_at)
          SELECT r.lease_id, r.secret_hash, 'gateway', ${clientId}::text, k.connection_id, k.id, k.version, ${tenant}::text, ${product}::text,
            ${now}::timestamptz, least(${leaseExpiresAt}::timestamptz, k.expires_at)
          FROM lease_input r JOIN LATERAL (
            ${credentialOfToken({ connectionId: sql`${connectionId}`, tokenHash: sql`r.token_hash`, pageId: sql`r.page_id` })}
          ) k ON true
          RETURNING id, credential_id, credential_version
        ), recorded AS (
          ${insertEntriesSql(sql`SELECT r.audit_id, ${now}::timestamptz, 'lease.issued', 'client', ${clientId}::text, ${tenant}::text, ${product}::text, ${connectionId}::text, i.id, NULL::text,
            json_build_object('mode', 'gateway', 'credential_id', i.credential_id, 'credential_version', i.credential_version,
              'parent_lease_id', ${leaseId}::text), r.audit_key
          FROM issued i JOIN lease_input r ON r.lease_id = i.id`)}
        ) SELECT id FROM issued`,
  { prepare: true },
);

/** Issues a lease, with its audit entry, for each token that is a credential of the parent's connection. The ids of these leases. */
export async function insertReplacementLeases(
  executor: Pick<SqlExecutor, 'rows'>,
  parent: ParentLease,
  now: Date,
  leases: readonly ReplacementLease[],
): Promise<Set<string>> {
  const replacements = {
    leaseId: leases.map((lease) => lease.leaseId),
    secretHash: leases.map((lease) => lease.secretHash),
    tokenHash: leases.map((lease) => lease.tokenHash),
    auditId: leases.map((lease) => lease.auditId),
    auditKey: leases.map((lease) => lease.auditKey),
    pageId: leases.map((lease) => lease.pageId),
  };
  const { clientId, tenant, product, connectionId, leaseId, leaseExpiresAt } = parent;
  const rows = await executor.rows(
    insertReplacements({ clientId, tenant, product, connectionId, leaseId, leaseExpiresAt, now, replacements }),
  );
  return new Set(rows.map(({ id }) => id));
}
