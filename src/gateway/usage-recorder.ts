import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.ts';
import { Database } from '../database/database.ts';
import type { GatewayGrant } from '../leases/gateway-lease-verifier.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

interface LeaseUse {
  grant: Pick<GatewayGrant, 'leaseId' | 'clientId' | 'tenant' | 'product' | 'connectionId' | 'credentialId'>;
  /** Calls by method and route pattern: how many were answered, and how many of them with an error. */
  routes: Map<string, { calls: number; errors: number }>;
}

const FLUSH_MS = 60_000;
/** In one transaction. */
const MOST_ENTRIES = 500;

/** What each lease was used for: one audit entry a lease and minute, with counts by route pattern. Never paths, parameters or bodies. */
@Injectable()
export class UsageRecord {
  #uses = new Map<string, LeaseUse>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  note(grant: GatewayGrant, method: string, route: string, status: number): void {
    let use = this.#uses.get(grant.leaseId);
    if (use === undefined) {
      const { leaseId, clientId, tenant, product, connectionId, credentialId } = grant;
      use = { grant: { leaseId, clientId, tenant, product, connectionId, credentialId }, routes: new Map() };
      this.#uses.set(leaseId, use);
    }
    const name = `${method} ${route}`;
    const count = use.routes.get(name) ?? { calls: 0, errors: 0 };
    count.calls++;
    if (status >= 400) count.errors++;
    use.routes.set(name, count);
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  /** Writes what has come together; what could not be written is tried again with the next minute's. */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const uses = [...this.#uses.values()];
    this.#uses = new Map();
    for (let from = 0; from < uses.length; from += MOST_ENTRIES) {
      const part = uses.slice(from, from + MOST_ENTRIES);
      try {
        await this.database.transaction(async (tx) => {
          for (const use of part) await this.audit.record(tx, fact(use));
        });
      } catch (error) {
        this.log.error({ err: error, entries: part.length }, 'the use of leases could not be recorded');
        for (const use of part) this.#takeBack(use);
      }
    }
  }

  #takeBack(use: LeaseUse): void {
    const later = this.#uses.get(use.grant.leaseId);
    for (const [name, count] of later?.routes ?? []) {
      const earlier = use.routes.get(name) ?? { calls: 0, errors: 0 };
      use.routes.set(name, { calls: earlier.calls + count.calls, errors: earlier.errors + count.errors });
    }
    this.#uses.set(use.grant.leaseId, use);
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }
}

function fact({ grant, routes }: LeaseUse) {
  return {
    action: 'gateway.used',
    actor: { kind: 'client' as const, id: grant.clientId },
    tenant: grant.tenant,
    product: grant.product,
    connectionId: grant.connectionId,
    subjectId: grant.leaseId,
    details: { credential_id: grant.credentialId, routes: Object.fromEntries(routes) },
  };
}
