import sql, { raw } from 'sql-template-tag';
import type { AuditedKind } from '../audit/audited-objects.ts';
import { defineStatement } from '../database/statement.ts';
import type { LeaseId } from './ids.ts';

/** Newest leases only: enough to show that the end of the audit log was cut off. Checking all would be too slow. */
const MAX_CHECKED = 5_000;

const selectIds = defineStatement<{ after: string; limit: number }, { id: LeaseId }>(
  'lease_audited_ids',
  ({
    after,
    limit,
  }) => sql`SELECT id FROM (SELECT id FROM lease ORDER BY id DESC LIMIT ${raw(String(MAX_CHECKED))}) youngest
    WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

/** Every lease has an audit entry for its issue. */
export const AUDITED_LEASES: AuditedKind = {
  name: 'leases',
  namedAs: 'subject',
  action: 'lease.issued',
  list: async (executor, after, limit) => (await executor.rows(selectIds({ after, limit }))).map(({ id }) => id),
};
