import sql from 'sql-template-tag';
import { defineProtectedTable } from '../database/protected-table.ts';
import { defineStatement } from '../database/statement.ts';
import { type LeaseSelection, selectionAt } from './gateway-lease.query.ts';
import type { LeaseId } from './ids.ts';
import { leaseColumns } from './lease-conditions.query.ts';
import { type CoveredLease, LEASE_MAC, type StoredLease } from './lease-mac.ts';

const lockLeases = defineStatement<{ after: string; all: boolean; now: Date; limit: number }, StoredLease>(
  'lease_lock_for_macs',
  ({ after, all, now, limit }) => sql`SELECT ${leaseColumns(sql`l`)} FROM lease l
    WHERE (${all} OR l.mac IS NULL) AND l.expires_at > ${now} AND l.id > ${after} ORDER BY l.id LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeMacs = defineStatement<{ ids: readonly LeaseId[]; macs: readonly Buffer[] }>(
  'lease_write_macs',
  ({ ids, macs }) => sql`UPDATE lease l SET mac = w.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS w (id, mac) WHERE l.id = w.id`,
);

const countLeaseMacs = defineStatement<Omit<LeaseSelection, 'leaseIds'>, { count: number }>(
  'lease_count_macs',
  ({ from, before, now }) => sql`SELECT count(mac)::integer AS count FROM lease
    WHERE id >= ${from} AND id < ${before} AND expires_at > ${now}`,
);

/** Skips ended leases: they grant nothing, and there may be millions. */
export const PROTECTED_LEASES = defineProtectedTable<CoveredLease>({
  definition: LEASE_MAC,
  lockRows: (tx, { after, ...selection }) => tx.rows(lockLeases({ after: after?.id ?? '', ...selection })),
  writeMacs: async (tx, rows) => {
    await tx.run(writeMacs({ ids: rows.map(({ row }) => row.id), macs: rows.map(({ mac }) => mac) }));
  },
  countMacs: (now) => countLeaseMacs(selectionAt(now, [])),
});
