import sql from 'sql-template-tag';
import type { AuditedKind } from '../../audit/audited-objects.ts';
import { defineStatement } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';

const selectIds = defineStatement<{ after: string; limit: number }, { id: ConnectionId }>(
  'connection_audited_ids',
  ({ after, limit }) => sql`SELECT id FROM connection WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

/** Every connection has an audit entry of its creation. */
export const AUDITED_CONNECTIONS: AuditedKind = {
  name: 'connections',
  namedAs: 'connection',
  action: 'connection.created',
  list: async (executor, after, limit) => (await executor.rows(selectIds({ after, limit }))).map(({ id }) => id),
};
