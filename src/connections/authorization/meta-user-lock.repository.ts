import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';

const lock = defineStatement<{ appId: string; metaUserId: string }>(
  'meta_user_lock',
  ({ appId, metaUserId }) =>
    sql`SELECT pg_advisory_xact_lock(hashtextextended('meta user ' || ${appId} || ' ' || ${metaUserId}, 0))`,
);

/**
 * Serializes, until the transaction ends, decisions based on which of an app's connections belong to this Meta user.
 * Connecting must find the existing connection instead of creating a second one, and two concurrent revocations must
 * not each count the other as live.
 */
export async function lockMetaUser(executor: SqlExecutor, appId: string, metaUserId: string): Promise<void> {
  await executor.run(lock({ appId, metaUserId }));
}
