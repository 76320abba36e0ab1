import sql from 'sql-template-tag';
import type { Product } from '../../config/config.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';

/** A group of connections with the same properties. */
export interface ConnectionCount {
  status: 'active' | 'reauth_required';
  /** Whether it has a status reason, which means something is missing. */
  lacks: boolean;
  product: Product;
  flow: string;
  scopes: string[];
  count: number;
  /** The first few. */
  ids: ConnectionId[];
}

const selectCounts = defineStatement<{ maxIds: number }, ConnectionCount>(
  'connection_counts',
  ({ maxIds }) => sql`
    SELECT status, status_reason IS NOT NULL AS lacks, product, flow, scopes,
      count(*)::int AS count, (array_agg(id ORDER BY id))[1:${maxIds}] AS ids FROM connection
    WHERE status <> 'revoked' GROUP BY status, status_reason IS NOT NULL, product, flow, scopes`,
);

/** Across tenants: counts unrevoked connections per group, with up to `maxIds` ids each. */
export function countConnections(executor: SqlExecutor, maxIds: number): Promise<ConnectionCount[]> {
  return executor.rows(selectCounts({ maxIds }));
}
