import type { AssetType } from '../connections/credentials/credential-kind.ts';
import type { SqlExecutor } from '../database/statement.ts';
import type { EntrySubject } from './entry-subject.ts';

/** A living connection that an entry speaks of, and by what; `asset` null: by its person. */
export interface SubjectConnection {
  connectionId: string;
  tenant: string;
  product: string;
  asset: { type: AssetType; id: string } | null;
}

interface FoundRow {
  connection_id: string;
  tenant: string;
  product: string;
  type: AssetType | null;
  id: string;
}

/**
 * The living connections of all tenants that the entries speak of, each once for an entry, in the entries' order. Two statements for
 * any number of entries.
 */
export async function findSubjectConnections(
  sql: SqlExecutor,
  subjects: readonly EntrySubject[],
  ownAppIds: readonly string[],
): Promise<SubjectConnection[][]> {
  const byAsset = await findByAssets(sql, subjects);
  const byUser = await findByUsers(sql, subjects, ownAppIds);
  return subjects.map(({ assets, userIds }) => {
    const found = new Map<string, SubjectConnection>();
    const rows = [
      ...assets.flatMap(({ type, id }) => byAsset.get(`${type} ${id}`) ?? []),
      ...userIds.flatMap((id) => byUser.get(id) ?? []),
    ];
    for (const row of rows) if (!found.has(row.connection_id)) found.set(row.connection_id, toConnection(row));
    return [...found.values()];
  });
}

async function findByAssets(sql: SqlExecutor, subjects: readonly EntrySubject[]): Promise<Map<string, FoundRow[]>> {
  const ids = [...new Set(subjects.flatMap(({ assets }) => assets.map(({ id }) => id)))];
  if (ids.length === 0) return new Map();
  const rows = await sql.rows<FoundRow>({
    name: 'webhook_assets',
    text: `SELECT a.type, a.id, n.id AS connection_id, n.tenant, n.product FROM asset a
      JOIN connection n ON n.id = a.connection_id AND n.status <> 'revoked' WHERE a.id = ANY ($1) ORDER BY n.id`,
    values: [ids],
  });
  return groupBy(rows, ({ type, id }) => `${type} ${id}`);
}

async function findByUsers(
  sql: SqlExecutor,
  subjects: readonly EntrySubject[],
  ownAppIds: readonly string[],
): Promise<Map<string, FoundRow[]>> {
  const ids = [...new Set(subjects.flatMap(({ userIds }) => userIds))];
  if (ids.length === 0) return new Map();
  const rows = await sql.rows<FoundRow>({
    name: 'webhook_users',
    text: `SELECT NULL AS type, meta_user_id AS id, id AS connection_id, tenant, product FROM connection
        WHERE app_id = ANY ($2) AND meta_user_id = ANY ($1) AND status <> 'revoked'
      UNION ALL SELECT NULL, app_scoped_user_id, id, tenant, product FROM connection
        WHERE app_id = ANY ($2) AND app_scoped_user_id = ANY ($1) AND status <> 'revoked'
      ORDER BY connection_id`,
    values: [ids, ownAppIds],
  });
  return groupBy(rows, ({ id }) => id);
}

function groupBy(rows: readonly FoundRow[], key: (row: FoundRow) => string): Map<string, FoundRow[]> {
  const groups = new Map<string, FoundRow[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}

function toConnection({ connection_id, tenant, product, type, id }: FoundRow): SubjectConnection {
  return { connectionId: connection_id, tenant, product, asset: type === null ? null : { type, id } };
}
