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

/** A connection whose tenant gets an entry. `asset` null: matched by user. */
export interface SubjectConnection {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  asset: { type: AssetType; id: string } | null;
}

/** Connections that an entry is about. */
export interface EntryMatch {
  /** Those whose tenants get it. */
  recipients: SubjectConnection[];
  /** All unrevoked ones it is about, whether or not their tenants get it. */
  connectionIds: ConnectionId[];
}

type Match = SubjectConnection & { receivesEvents: boolean };

/** Apps whose users entries may be about. */
interface SubjectApps {
  /** Apps whose connections' assets entries may be about. */
  assetAppIds: readonly string[];
  /** Apps the signers may speak for. */
  userAppIds: readonly string[];
  /** The signing apps on a host. */
  signersAt(host: TokenHostName): readonly string[];
}

/**
 * Finds the connections, across tenants, that each entry is about: once per entry, in the entries' order. Two
 * statements for any number of entries.
 */
export async function matchConnections(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
  apps: SubjectApps,
): Promise<EntryMatch[]> {
  const byAsset = await findByAssets(executor, subjects, apps.assetAppIds);
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

/** A child asset counts only if the connection has it under a parent the entry names. */
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

/** Of candidate ids, the first one known to a connection of the right app decides. */
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

/** Keyed by asset type and id. */
async function findByAssets(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
  appIds: readonly string[],
): Promise<Map<string, AssetConnection[]>> {
  const ids = subjects.flatMap(({ assets }) => assets.flatMap(({ id, parentIds = [] }) => [id, ...parentIds]));
  const connections = await findConnectionsByAssetIds(executor, appIds, [...new Set(ids)]);
  return groupBy(keepCurrentOwners(connections), ({ type, id }) => `${type} ${id}`);
}

/** Keyed by user id. */
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
