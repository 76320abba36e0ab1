import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';

/** A Meta user and our apps that know them by this id. */
interface AppUser {
  appIds: readonly string[];
  metaUserId: string;
}

/** A connection of a Meta user, in any status. */
export interface UserConnection {
  id: ConnectionId;
  tenant: string;
  product: string;
  isRevoked: boolean;
  /** All of the user's ids on the connection. */
  metaUserIds: string[];
}

interface UserConnectionRow {
  id: ConnectionId;
  tenant: string;
  product: string;
  is_revoked: boolean;
  meta_user_id: string;
  app_scoped_user_id: string | null;
}

/** Instagram may name users by account id or by app-scoped id (docs/meta-facts.md#instagram-user-ids). */
const isOfUser = ({ appIds, metaUserId }: AppUser): Sql =>
  sql`app_id = ANY (${appIds}) AND (meta_user_id = ${metaUserId} OR app_scoped_user_id = ${metaUserId})`;

const selectConnections = defineStatement<AppUser, UserConnectionRow>(
  'connections_of_user',
  (
    user,
  ) => sql`SELECT id, tenant, product, status = 'revoked' AS is_revoked, meta_user_id, app_scoped_user_id FROM connection
    WHERE ${isOfUser(user)} ORDER BY id`,
);

const selectExistence = defineStatement<AppUser>(
  'user_has_connection',
  (user) => sql`SELECT FROM connection WHERE ${isOfUser(user)} LIMIT 1`,
);

/** Across tenants: all connections of the user, including revoked ones, ordered by id. */
export async function findConnectionsOfUser(executor: SqlExecutor, user: AppUser): Promise<UserConnection[]> {
  const rows = await executor.rows(selectConnections(user));
  return rows.map(({ is_revoked: isRevoked, meta_user_id, app_scoped_user_id, ...connection }) => ({
    ...connection,
    isRevoked,
    metaUserIds: [meta_user_id, app_scoped_user_id].filter((id) => id !== null),
  }));
}

/** Across tenants: whether the user has a connection, revoked or not. */
export async function isUserKnown(executor: SqlExecutor, user: AppUser): Promise<boolean> {
  return (await executor.rows(selectExistence(user))).length > 0;
}
