import {
  findConnectionsByAssetIds,
  findConnectionsByUserIds,
} from '../connections/connection/subject-connections.query.ts';
import type { AssetType } from '../connections/credentials/credential-kind.ts';
import type { ConnectionId } from '../connections/ids.ts';
import type { SqlExecutor } from '../database/statement.ts';
import type { EntrySubject } from './entry-subject.ts';

/** A connection that is not revoked and that an entry is about; `asset` null: matched by its user. */
export interface SubjectConnection {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  asset: { type: AssetType; id: string } | null;
}

/**
 * The connections of all tenants that each entry is about, each once per entry, in the entries' order. Two statements for any number of
 * entries.
 */
export async function matchConnections(
  executor: SqlExecutor,
  subjects: readonly EntrySubject[],
  ownAppIds: readonly string[],
): Promise<SubjectConnection[][]> {
  const byAsset = await findByAssets(executor, subjects);
  const byUser = await findByUsers(executor, subjects, ownAppIds);
  return subjects.map(({ assets, userIds }) => {
    const matches = [
      ...assets.flatMap(({ type, id }) => byAsset.get(`${type} ${id}`) ?? []),
      ...userIds.flatMap((id) => byUser.get(id) ?? []),
    ];
    const distinct = new Map<string, SubjectConnection>();
    for (const match of matches) if (!distinct.has(match.connectionId)) distinct.set(match.connectionId, match);
    return [...distinct.values()];
  });
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
): Promise<Map<string, SubjectConnection[]>> {
  const userIds = new Set(subjects.flatMap((subject) => subject.userIds));
  const rows = await findConnectionsByUserIds(executor, ownAppIds, [...userIds]);
  return group(
    rows.map(({ id, connection_id: connectionId, tenant, product }) => [
      id,
      { connectionId, tenant, product, asset: null },
    ]),
  );
}

function group(entries: readonly (readonly [string, SubjectConnection])[]): Map<string, SubjectConnection[]> {
  const groups = new Map<string, SubjectConnection[]>();
  for (const [key, connection] of entries) groups.set(key, [...(groups.get(key) ?? []), connection]);
  return groups;
}
