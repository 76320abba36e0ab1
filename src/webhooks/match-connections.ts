import {
  findConnectionsByAssetIds,
  findConnectionsByUserIds,
} from '../connections/connection/subject-connections.query.ts';
import type { AssetType } from '../connections/credentials/credential-kind.ts';
import type { ConnectionId } from '../connections/ids.ts';
import type { SqlExecutor } from '../database/statement.ts';
import type { TokenHostName } from '../meta/graph/graph-host.ts';
import type { EntrySubject } from './entry-subject.ts';

/** A connection that is not revoked and that an entry is about; `asset` null: matched by its user. */
export interface SubjectConnection {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  asset: { type: AssetType; id: string } | null;
}

/** A connection, with the app that knows its user by the id it was found by. */
type UserConnection = SubjectConnection & { appId: string };

/** The apps whose users entries may be about. */
interface SubjectApps {
  /** All of ours. */
  ownAppIds: readonly string[];
  /** The apps of a host that signed the delivery. */
  signersAt(host: TokenHostName): readonly string[];
}

/**
 * The connections of all tenants that each entry is about, each once per entry, in the entries' order. Two statements for any number of
 * entries.
 */
export async function matchConnections(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
  apps: SubjectApps,
): Promise<SubjectConnection[][]> {
  const byAsset = await findByAssets(executor, subjects);
  const byUser = await findByUsers(executor, subjects, apps.ownAppIds);
  return subjects.map((subject) => {
    const matches = [
      ...subject.assets.flatMap(({ type, id }) => byAsset.get(`${type} ${id}`) ?? []),
      ...matchUsers(subject, byUser, apps),
    ];
    const distinct = new Map<string, SubjectConnection>();
    for (const match of matches) if (!distinct.has(match.connectionId)) distinct.set(match.connectionId, match);
    return [...distinct.values()];
  });
}

/** Of guesses, the first that a connection of the right app has decides. */
function matchUsers(
  { userIds, guessedOwnerHost }: EntrySubject,
  byUser: ReadonlyMap<string, UserConnection[]>,
  apps: SubjectApps,
): SubjectConnection[] {
  const found = userIds.map((id) => byUser.get(id) ?? []);
  if (guessedOwnerHost === null) return found.flat();
  const appIds = apps.signersAt(guessedOwnerHost);
  const ofApps = found.map((connections) => connections.filter(({ appId }) => appIds.includes(appId)));
  return ofApps.find((connections) => connections.length > 0) ?? [];
}

/** By type and id of the asset. */
async function findByAssets(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
): Promise<Map<string, SubjectConnection[]>> {
  const assetIds = new Set(subjects.flatMap(({ assets }) => assets.map(({ id }) => id)));
  const rows = await findConnectionsByAssetIds(executor, [...assetIds]);
  return group(
    rows.map(({ type, id, connection_id: connectionId, tenant, product }) => [
      `${type} ${id}`,
      { connectionId, tenant, product, asset: { type, id } },
    ]),
  );
}

/** By the user's id. */
async function findByUsers(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
  ownAppIds: readonly string[],
): Promise<Map<string, UserConnection[]>> {
  const userIds = new Set(subjects.flatMap((subject) => subject.userIds));
  const rows = await findConnectionsByUserIds(executor, ownAppIds, [...userIds]);
  return group(
    rows.map(({ id, connection_id: connectionId, app_id: appId, tenant, product }) => [
      id,
      { connectionId, appId, tenant, product, asset: null },
    ]),
  );
}

function group<C extends SubjectConnection>(entries: readonly (readonly [string, C])[]): Map<string, C[]> {
  const groups = new Map<string, C[]>();
  for (const [key, connection] of entries) groups.set(key, [...(groups.get(key) ?? []), connection]);
  return groups;
}
