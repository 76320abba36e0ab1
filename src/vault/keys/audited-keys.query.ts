import sql from 'sql-template-tag';
import type { AuditedKind } from '../../audit/audited-objects.ts';
import { defineStatement } from '../../database/statement.ts';
import type { KekId } from '../ids.ts';

const selectIds = defineStatement<{ after: string; limit: number }, { id: KekId }>(
  'kek_audited_ids',
  ({ after, limit }) => sql`SELECT id FROM encryption_key WHERE purpose = 'data' AND id > ${after}
    AND id > (SELECT min(id) FROM encryption_key WHERE purpose = 'data') ORDER BY id LIMIT ${limit}`,
);

/** Every KEK but the first, which comes with the installation, has an entry: that it was made. */
export const AUDITED_KEYS: AuditedKind = {
  name: 'keys',
  namedAs: 'subject',
  action: 'key.rotated',
  list: async (executor, after, limit) => (await executor.rows(selectIds({ after, limit }))).map(({ id }) => id),
};
