import { Injectable } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.ts';
import type { AuditEntryId } from '../audit/ids.ts';
import { Database } from '../database/database.ts';
import { IntegrityFailures } from '../database/integrity-failures.ts';
import { Clock } from '../platform/clock.ts';
import type { LeaseId } from './ids.ts';
import { endUnrecordedLeases, listActiveLeases } from './lease.repository.ts';

const TABLE = { unrecorded: 'audit_entry', unwritten: 'lease' } as const;

/** A lease that a statement has written, with its audit entry. */
export interface WrittenLease {
  leaseId: LeaseId;
  auditId: AuditEntryId;
}

/** Sees to it that no lease is given out whose entry, or which itself, the database did not keep. */
@Injectable()
export class WrittenLeaseCheck {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly integrity: IntegrityFailures,
    private readonly clock: Clock,
  ) {}

  /**
   * Which of these leases are not there with their entries, read back after the statement that wrote them has committed. They are ended at
   * once. Needed only where triggers or rules are about, which could take away what the statement returned.
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

  /** Reports a lease that is not given out; the error to throw. */
  refuse(leaseId: LeaseId, outcome: 'unrecorded' | 'unwritten'): Error {
    return this.integrity.missing(TABLE[outcome], { lease_id: leaseId });
  }

  /** What to throw for an error of the statement that writes entries and leases. */
  explain(error: unknown): unknown {
    return this.integrity.explain(TABLE.unrecorded, error);
  }
}
