import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';

/** A user of Meta's, and the apps of ours that know them by this id. */
interface AppUser {
  appIds: readonly string[];
  metaUserId: string;
}

/** A connection of one user of Meta's, in whatever status. */
export interface UserConnection {
  id: ConnectionId;
  tenant: string;
  product: string;
  isRevoked: boolean;
  /** All ids of the user that the connection holds. */
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

/** Instagram may name a user by the id of their account or by the one that they have for our app. */
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

/** Across tenants: every connection of the user, revoked ones included, by id. */
export async function findConnectionsOfUser(executor: SqlExecutor, user: AppUser): Promise<UserConnection[]> {
  const rows = await executor.rows(selectConnections(user));
  return rows.map(({ is_revoked: isRevoked, meta_user_id, app_scoped_user_id, ...connection }) => ({
    ...connection,
    isRevoked,
    metaUserIds: [meta_user_id, app_scoped_user_id].filter((id) => id !== null),
  }));
}

/** Across tenants: whether a connection of the user exists, revoked or not. */
export async function isUserKnown(executor: SqlExecutor, user: AppUser): Promise<boolean> {
  return (await executor.rows(selectExistence(user))).length > 0;
}
