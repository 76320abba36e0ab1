import {
  type AssetConnection,
  findConnectionsByAssetIds,
  findConnectionsByUserIds,
  type UserConnectionOfApp,
} from '../connections/connection/subject-connections.query.ts';
import type { AssetType } from '../connections/credentials/credential-kind.ts';
import type { ConnectionId } from '../connections/ids.ts';
import type { SqlExecutor } from '../database/statement.ts';
import type { TokenHostName } from '../meta/graph/graph-host.ts';
import { keepCurrentOwners } from './current-owners.ts';
import type { EntrySubject, SubjectAsset } from './entry-subject.ts';

/** A connection whose tenant gets an entry; `asset` null: matched by its user. */
export interface SubjectConnection {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  asset: { type: AssetType; id: string } | null;
}

/** The connections that an entry is about. */
export interface EntryMatch {
  /** Whose tenants get it. */
  recipients: SubjectConnection[];
  /** All that it is about and that are not revoked, whether their tenants get it or not. */
  connectionIds: ConnectionId[];
}

type Match = SubjectConnection & { receivesEvents: boolean };

/** The apps whose users entries may be about. */
interface SubjectApps {
  /** Those that the signers speak for. */
  userAppIds: readonly string[];
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
): Promise<EntryMatch[]> {
  const byAsset = await findByAssets(executor, subjects);
  const byUser = await findByUsers(executor, subjects, apps.userAppIds);
  return subjects.map((subject) => {
    const matches = [
      ...subject.assets.flatMap((asset) => matchAsset(asset, byAsset)),
      ...matchUsers(subject, byUser, apps),
    ];
    const distinct = new Map<string, SubjectConnection>();
    for (const { receivesEvents, ...match } of matches)
      if (receivesEvents && !distinct.has(match.connectionId)) distinct.set(match.connectionId, match);
    const connectionIds = new Set(matches.map(({ connectionId }) => connectionId));
    return { recipients: [...distinct.values()], connectionIds: [...connectionIds] };
  });
}

/** What belongs to something that the entry names as well counts only where the connection has it there. */
function matchAsset({ type, id, parentIds }: SubjectAsset, byAsset: ReadonlyMap<string, AssetConnection[]>): Match[] {
  const found = byAsset.get(`${type} ${id}`) ?? [];
  const ofParents =
    parentIds === undefined ? found : found.filter(({ parentId }) => parentId !== null && parentIds.includes(parentId));
  return ofParents.map(({ connectionId, tenant, product, receivesEvents }) => ({
    connectionId,
    tenant,
    product,
    asset: { type, id },
    receivesEvents,
  }));
}

/** Of guesses, the first that a connection of the right app has decides. */
function matchUsers(
  { userIds, guessedOwnerHost }: EntrySubject,
  byUser: ReadonlyMap<string, UserConnectionOfApp[]>,
  apps: SubjectApps,
): Match[] {
  const found = userIds.map((id) => byUser.get(id) ?? []);
  if (guessedOwnerHost === null) return found.flat().map(toUserMatch);
  const appIds = apps.signersAt(guessedOwnerHost);
  const ofApps = found.map((connections) => connections.filter(({ appId }) => appIds.includes(appId)));
  return (ofApps.find((connections) => connections.length > 0) ?? []).map(toUserMatch);
}

function toUserMatch({ connectionId, tenant, product, receivesEvents }: UserConnectionOfApp): Match {
  return { connectionId, tenant, product, asset: null, receivesEvents };
}

/** By type and id of the asset. */
async function findByAssets(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
): Promise<Map<string, AssetConnection[]>> {
  const ids = subjects.flatMap(({ assets }) => assets.flatMap(({ id, parentIds = [] }) => [id, ...parentIds]));
  const connections = await findConnectionsByAssetIds(executor, [...new Set(ids)]);
  return groupBy(keepCurrentOwners(connections), ({ type, id }) => `${type} ${id}`);
}

/** By the user's id. */
async function findByUsers(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
  appIds: readonly string[],
): Promise<Map<string, UserConnectionOfApp[]>> {
  const userIds = new Set(subjects.flatMap((subject) => subject.userIds));
  return groupBy(await findConnectionsByUserIds(executor, appIds, [...userIds]), ({ id }) => id);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
