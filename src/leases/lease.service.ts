import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.ts';
import type { AuthenticatedClient, LeaseMode } from '../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import { Database } from '../database/database.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { firstIdAt } from '../platform/ids.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { POLICY_COVERS_LEASE } from './gateway-lease-verifier.ts';
import { parseLeaseToken } from './lease-token.ts';

/** A lease as its client and the admins see it; never its token. */
export interface LeaseResponse {
  lease_id: string;
  mode: LeaseMode;
  status: 'active' | 'ended' | 'expired';
  client_id: string;
  tenant: string;
  product: string;
  connection_id: string;
  credential_id: string;
  credential_version: number;
  asset?: { type: string; id: string };
  issued_at: string;
  expires_at: string;
  ended_at: string | null;
}

/** RFC 7662, section 2.2; the ids besides are our extension. */
export type IntrospectionResponse =
  | { active: false }
  | {
      active: true;
      scope: string;
      client_id: string;
      token_type: 'Bearer';
      exp: number;
      iat: number;
      sub: string;
      iss: string;
      lease_id: string;
      tenant: string;
      product: string;
      connection_id: string;
      credential_id: string;
    };

interface LeaseRecord {
  id: string;
  mode: LeaseMode;
  secret_hash: Buffer | null;
  client_id: string;
  tenant: string;
  product: string;
  connection_id: string;
  credential_id: string;
  credential_version: number;
  asset_type: string | null;
  asset_id: string | null;
  issued_at: Date;
  expires_at: Date;
  ended_at: Date | null;
  /** Whether client, its policy, and connection still stand behind it. */
  backed: boolean;
  scopes: string[] | null;
}

const LEASE_RECORD_SQL = `SELECT l.*, k.scopes, (c.status = 'active' AND cl.deleted_at IS NULL AND ${POLICY_COVERS_LEASE} AND k.id IS NOT NULL) AS backed
  FROM lease l JOIN client cl ON cl.id = l.client_id JOIN connection c ON c.id = l.connection_id
    LEFT JOIN credential k ON k.id = l.credential_id
  WHERE l.id = $1`;

/** Leases after they were issued: looked at, introspected, ended. */
@Injectable()
export class LeaseService {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Null where there is none, or it is not the caller's to see. */
  async find(client: AuthenticatedClient, id: string): Promise<LeaseResponse | null> {
    const record = await this.read(this.database, id);
    return record === null || !canSee(client, record) ? null : this.toLeaseResponse(record);
  }

  /** What a lease token is good for at this moment; `active: false` for everything the caller may not know. */
  async introspect(client: AuthenticatedClient, token: string, issuer: string): Promise<IntrospectionResponse> {
    const parts = parseLeaseToken(token);
    const record = parts === null ? null : await this.read(this.database, parts.leaseId);
    if (parts === null || record === null || record.secret_hash === null) return { active: false };
    const isAuthentic = timingSafeEqual(record.secret_hash, this.ring.blindIndex(parts.secret));
    const isOwner = client.role === 'admin' || record.client_id === client.clientId;
    if (!isAuthentic || !isOwner || this.statusOf(record) !== 'active') return { active: false };
    return {
      active: true,
      scope: (record.scopes ?? []).join(' '),
      client_id: record.client_id,
      token_type: 'Bearer',
      exp: unixSeconds(record.expires_at),
      iat: unixSeconds(record.issued_at),
      sub: record.credential_id,
      iss: issuer,
      lease_id: record.id,
      tenant: record.tenant,
      product: record.product,
      connection_id: record.connection_id,
      credential_id: record.credential_id,
    };
  }

  /** Ends a lease; true where it is the caller's, ended before or now. */
  async end(client: AuthenticatedClient, id: string, requestId: string): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const record = await this.read(tx, id);
      if (record === null || !canSee(client, record)) return false;
      const now = this.clock.now();
      const ended = await tx.run({
        name: 'lease_end',
        text: 'UPDATE lease SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2',
        values: [id, now],
      });
      if (ended === 1) {
        await this.audit.record(tx, {
          action: 'lease.ended',
          actor: { kind: 'client', id: client.clientId },
          tenant: record.tenant,
          product: record.product,
          connectionId: record.connection_id,
          subjectId: id,
          requestId,
        });
      }
      return true;
    });
  }

  /** Forgets up to `limit` leases that ended before `endedBefore`; their audit entries stay. Returns how many. */
  async purge(endedBefore: Date, limit: number): Promise<number> {
    return this.database.run({
      text: `DELETE FROM lease WHERE id IN (
        SELECT id FROM lease WHERE id < $1 AND expires_at < $2 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)`,
      values: [firstIdAt('lse', endedBefore), endedBefore, limit],
    });
  }

  private async read(sql: SqlExecutor, id: string): Promise<LeaseRecord | null> {
    const [record] = await sql.rows<LeaseRecord>({ name: 'lease_record', text: LEASE_RECORD_SQL, values: [id] });
    return record ?? null;
  }

  private statusOf(record: LeaseRecord): LeaseResponse['status'] {
    if (record.ended_at !== null || !record.backed) return 'ended';
    return record.expires_at <= this.clock.now() ? 'expired' : 'active';
  }

  private toLeaseResponse(record: LeaseRecord): LeaseResponse {
    return {
      lease_id: record.id,
      mode: record.mode,
      status: this.statusOf(record),
      client_id: record.client_id,
      tenant: record.tenant,
      product: record.product,
      connection_id: record.connection_id,
      credential_id: record.credential_id,
      credential_version: record.credential_version,
      ...(record.asset_type === null || record.asset_id === null
        ? {}
        : { asset: { type: record.asset_type, id: record.asset_id } }),
      issued_at: record.issued_at.toISOString(),
      expires_at: record.expires_at.toISOString(),
      ended_at: record.ended_at?.toISOString() ?? null,
    };
  }
}

/** Clients see their own leases, admins all, auditors those of their tenants. */
function canSee(client: AuthenticatedClient, record: LeaseRecord): boolean {
  if (client.role === 'admin' || record.client_id === client.clientId) return true;
  if (client.role !== 'auditor') return false;
  const tenants = visibleTenants(client);
  const products = visibleProducts(client);
  return (tenants?.includes(record.tenant) ?? true) && (products?.includes(record.product) ?? true);
}

function unixSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
