import sql from 'sql-template-tag';
import type { AuditedKind } from '../../audit/audited-objects.ts';
import { defineStatement } from '../../database/statement.ts';
import type { KekId } from '../ids.ts';

const selectIds = defineStatement<{ after: string; limit: number }, { id: KekId }>(
  'kek_audited_ids',
  ({ after, limit }) => sql`SELECT id FROM encryption_key WHERE purpose = 'data' AND id > ${after}
    AND id > (SELECT min(id) FROM encryption_key WHERE purpose = 'data') ORDER BY id LIMIT ${limit}`,
);

/** Every KEK has an entry about its creation, except the first, which was created at installation. */
export const AUDITED_KEYS: AuditedKind = {
  name: 'keys',
  namedAs: 'subject',
  action: 'key.rotated',
  list: async (executor, after, limit) => (await executor.rows(selectIds({ after, limit }))).map(({ id }) => id),
};
