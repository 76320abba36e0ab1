import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { toActor } from '../audit/actor.ts';
import { AuditLog } from '../audit/audit-log.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { Database } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { isId } from '../platform/ids.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import type { LeaseId } from './ids.ts';
import { endLease, findLease, type LeaseRecord } from './lease.repository.ts';
import { type IntrospectionResponse, type LeaseResponse } from './lease-response.dto.ts';
import { parseLeaseToken } from './lease-token.ts';
import { canSeeLease, leaseStatus, toLeaseResponse } from './lease-view.ts';

/** Reads, introspects and ends leases. */
@Injectable()
export class LeaseService {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly macs: RowMacs,
  ) {}

  /** Null if there is none, or the client may not see it. */
  async find(client: AuthenticatedClient, id: string): Promise<LeaseResponse | null> {
    const record = isId(id, 'lse') ? await this.findLease(this.database, id) : null;
    return record === null || !canSeeLease(client, record) ? null : toLeaseResponse(record, this.clock.now());
  }

  /** Returns what a lease token allows now; `active: false` for anything the client may not know. */
  async introspect(client: AuthenticatedClient, token: string, issuer: string): Promise<IntrospectionResponse> {
    const parts = parseLeaseToken(token);
    const record = parts === null ? null : await this.findLease(this.database.failFast, parts.leaseId);
    if (parts === null || record === null || record.secret_hash === null) return { active: false };
    const isAuthentic = timingSafeEqual(record.secret_hash, this.ring.blindIndex(parts.secret));
    const isOwner = client.role === 'admin' || record.client_id === client.clientId;
    if (!isAuthentic || !isOwner || leaseStatus(record, this.clock.now()) !== 'active') return { active: false };
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

  /** Ends a lease; true if it is the client's, even if it had ended before. */
  async end(client: AuthenticatedClient, given: string, requestId: string): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const record = isId(given, 'lse') ? await this.findLease(tx, given) : null;
      if (record === null || !canSeeLease(client, record)) return false;
      const { id } = record;
      if (await endLease(tx, id, this.clock.now())) {
        await this.audit.record(tx, {
          action: 'lease.ended',
          actor: toActor(client),
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

  private findLease(executor: Pick<SqlExecutor, 'rows'>, id: LeaseId): Promise<LeaseRecord | null> {
    return findLease(executor, this.macs, id, this.clock.now());
  }
}

function unixSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
