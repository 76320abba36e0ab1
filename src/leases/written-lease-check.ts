import { Injectable } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.ts';
import type { AuditEntryId } from '../audit/ids.ts';
import { Database } from '../database/database.ts';
import { IntegrityFailures } from '../database/integrity-failures.ts';
import { Clock } from '../platform/clock.ts';
import type { LeaseId } from './ids.ts';
import { endUnrecordedLeases, listActiveLeases } from './lease.repository.ts';

const TABLE = { unrecorded: 'audit_entry', unwritten: 'lease' } as const;

/** A lease that a statement wrote, with its audit entry. */
export interface WrittenLease {
  leaseId: LeaseId;
  auditId: AuditEntryId;
}

/** Keeps leases from being handed out if the database dropped their audit entry or the lease. */
@Injectable()
export class WrittenLeaseCheck {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly integrity: IntegrityFailures,
    private readonly clock: Clock,
  ) {}

  /**
   * Reads leases and entries back after commit, returns those that are missing, and ends their leases at once. Needed
   * only if triggers or rules exist, which could drop what the statement returned.
   */
  async findUnwritten(leases: readonly WrittenLease[]): Promise<Map<LeaseId, 'unrecorded' | 'unwritten'>> {
    const { failFast } = this.database;
    const leaseIds = leases.map(({ leaseId }) => leaseId);
    const missingEntries = await this.audit.findMissing(
      failFast,
      leases.map(({ auditId }) => auditId),
    );
    const active = new Set(await listActiveLeases(failFast, leaseIds));
    const unwritten = new Map<LeaseId, 'unrecorded' | 'unwritten'>();
    for (const { leaseId, auditId } of leases) {
      if (missingEntries.has(auditId)) unwritten.set(leaseId, 'unrecorded');
      else if (!active.has(leaseId)) unwritten.set(leaseId, 'unwritten');
    }
    if (unwritten.size > 0) await endUnrecordedLeases(failFast, [...unwritten.keys()], this.clock.now());
    return unwritten;
  }

  /** Reports a lease that must not be handed out; returns the error to throw. */
  refuse(leaseId: LeaseId, outcome: 'unrecorded' | 'unwritten'): Error {
    return this.integrity.missing(TABLE[outcome], { lease_id: leaseId });
  }

  /** Returns the error to throw for a failure of the statement that writes entries and leases. */
  explain(error: unknown): unknown {
    return this.integrity.explain(TABLE.unrecorded, error);
  }
}
