import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type NewAuditEntry } from '../audit/audit-log.ts';
import { Database } from '../database/database.ts';
import type { GatewayGrant } from '../leases/gateway-lease-verifier.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';

interface LeaseUsage {
  grant: Pick<GatewayGrant, 'leaseId' | 'clientId' | 'tenant' | 'product' | 'connectionId' | 'credentialId'>;
  /** By method and route pattern: calls that got a response, and how many of these were errors. */
  routes: Map<string, { calls: number; errors: number }>;
}

const FLUSH_INTERVAL_MS = 60_000;
const MAX_ENTRIES_PER_TRANSACTION = 500;

/**
 * Records what leases are used for: one audit entry per lease and minute, with counts by route pattern, without paths
 * or parameters.
 */
@Injectable()
export class UsageRecorder {
  #usageByLease = new Map<string, LeaseUsage>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly log: Pino,
  ) {}

  recordCall(grant: GatewayGrant, method: string, route: string, status: number): void {
    let leaseUsage = this.#usageByLease.get(grant.leaseId);
    if (leaseUsage === undefined) {
      const { leaseId, clientId, tenant, product, connectionId, credentialId } = grant;
      leaseUsage = { grant: { leaseId, clientId, tenant, product, connectionId, credentialId }, routes: new Map() };
      this.#usageByLease.set(leaseId, leaseUsage);
    }
    const name = `${method} ${route}`;
    const count = leaseUsage.routes.get(name) ?? { calls: 0, errors: 0 };
    count.calls++;
    if (status >= 400) count.errors++;
    leaseUsage.routes.set(name, count);
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_INTERVAL_MS).unref();
  }

  /** Writes the counts. Those that can't be written are retried with the next minute's. */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const usageByLease = [...this.#usageByLease.values()];
    this.#usageByLease = new Map();
    for (let from = 0; from < usageByLease.length; from += MAX_ENTRIES_PER_TRANSACTION) {
      const part = usageByLease.slice(from, from + MAX_ENTRIES_PER_TRANSACTION);
      try {
        await this.database.transaction(async (tx) => {
          for (const leaseUsage of part) await this.audit.record(tx, toAuditEntry(leaseUsage));
        });
      } catch (error) {
        this.log.error({ err: error, entries: part.length }, 'lease usage could not be recorded');
        for (const leaseUsage of part) this.#requeue(leaseUsage);
      }
    }
  }

  #requeue(leaseUsage: LeaseUsage): void {
    const newer = this.#usageByLease.get(leaseUsage.grant.leaseId);
    for (const [name, count] of newer?.routes ?? []) {
      const earlier = leaseUsage.routes.get(name) ?? { calls: 0, errors: 0 };
      leaseUsage.routes.set(name, { calls: earlier.calls + count.calls, errors: earlier.errors + count.errors });
    }
    this.#usageByLease.set(leaseUsage.grant.leaseId, leaseUsage);
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_INTERVAL_MS).unref();
  }
}

function toAuditEntry({ grant, routes }: LeaseUsage): NewAuditEntry {
  return {
    action: 'gateway.used',
    actor: { kind: 'client', id: grant.clientId },
    tenant: grant.tenant,
    product: grant.product,
    connectionId: grant.connectionId,
    subjectId: grant.leaseId,
    details: { credential_id: grant.credentialId, routes: Object.fromEntries(routes) },
  };
}
