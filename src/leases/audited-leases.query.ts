import sql, { raw } from 'sql-template-tag';
import type { AuditedKind } from '../audit/audited-objects.ts';
import { defineStatement } from '../database/statement.ts';
import type { LeaseId } from './ids.ts';

/** The youngest leases show whether the end of the record was cut off; all of them would be too many. */
const MAX_CHECKED = 5_000;

const selectIds = defineStatement<{ after: string; limit: number }, { id: LeaseId }>(
  'lease_audited_ids',
  ({
    after,
    limit,
  }) => sql`SELECT id FROM (SELECT id FROM lease ORDER BY id DESC LIMIT ${raw(String(MAX_CHECKED))}) youngest
    WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

/** Every lease has an entry: that it was issued. */
export const AUDITED_LEASES: AuditedKind = {
  name: 'leases',
  namedAs: 'subject',
  action: 'lease.issued',
  list: async (executor, after, limit) => (await executor.rows(selectIds({ after, limit }))).map(({ id }) => id),
};
