import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';
import { nextHealthSql } from './claimed-credential.repository.ts';

const requestRootVerification = defineStatement<{ connectionIds: readonly ConnectionId[]; now: Date }>(
  'request_verification',
  ({ connectionIds, now }) => sql`UPDATE credential c
    SET check_due_at = ${now}, health = ${nextHealthSql('verification_requested')}, updated_at = ${now} FROM connection n
    WHERE c.connection_id = ANY (${connectionIds}) AND c.is_root AND n.id = c.connection_id AND n.status = 'active'`,
  { prepare: true },
);

const requestMetaUserVerification = defineStatement<{ appId: string; metaUserId: string; now: Date }>(
  'request_verification_of_meta_user',
  ({ appId, metaUserId, now }) => sql`UPDATE credential c
    SET check_due_at = ${now}, health = ${nextHealthSql('verification_requested')} FROM connection n
    WHERE n.id = c.connection_id AND c.is_root AND n.app_id = ${appId} AND n.meta_user_id = ${metaUserId} AND n.status = 'active'`,
);

/** Across tenants: makes the root credentials of these connections due for inspection if active. Returns how many. */
export async function requestVerificationOfRoots(
  executor: SqlExecutor,
  connectionIds: readonly ConnectionId[],
  now: Date,
): Promise<number> {
  return executor.run(requestRootVerification({ connectionIds, now }));
}

/** Same for all active connections based on one Meta user's grant to one app. */
export async function requestVerificationOfMetaUser(
  executor: SqlExecutor,
  appId: string,
  metaUserId: string,
  now: Date,
): Promise<void> {
  await executor.run(requestMetaUserVerification({ appId, metaUserId, now }));
}
