import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';

const lock = defineStatement<{ appId: string; metaUserId: string }>(
  'meta_user_lock',
  ({ appId, metaUserId }) =>
    sql`SELECT pg_advisory_xact_lock(hashtextextended('meta user ' || ${appId} || ' ' || ${metaUserId}, 0))`,
);

/**
 * Serializes, until the transaction ends, all that decides by "which connections of this app rest on this Meta user":
 * connecting (the same connection is found, not made twice) and revoking (two at once must not each take the other for live).
 */
export async function lockMetaUser(executor: SqlExecutor, appId: string, metaUserId: string): Promise<void> {
  await executor.run(lock({ appId, metaUserId }));
}
