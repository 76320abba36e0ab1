import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';

interface AssetReference {
  connectionId: ConnectionId;
  type: AssetType;
  id: string;
}

interface MissingTasksRow {
  page_id: string | null;
  page_name: string | null;
  tasks: string[] | null;
}

const select = defineStatement<AssetReference, MissingTasksRow>(
  'asset_missing_tasks',
  ({
    connectionId,
    type,
    id,
  }) => sql`SELECT p.id AS page_id, p.name AS page_name, p.details->'tasks' AS tasks FROM asset a
    LEFT JOIN asset p ON p.connection_id = a.connection_id AND p.type = 'page'
      AND p.id = CASE a.type WHEN 'page' THEN a.id ELSE a.parent_id END
    WHERE a.connection_id = ${connectionId} AND a.type = ${type} AND a.id = ${id}`,
);

/** The Page whose token would reach an asset. */
export interface MissingTasks {
  pageId: string;
  pageName: string | null;
  /** The user's tasks on the Page. */
  tasks: string[];
}

/** Null if the asset belongs to no known Page. */
export async function findMissingTasks(
  executor: Pick<SqlExecutor, 'rows'>,
  asset: AssetReference,
): Promise<MissingTasks | null> {
  const [row] = await executor.rows(select(asset));
  if (row === undefined || row.page_id === null) return null;
  return { pageId: row.page_id, pageName: row.page_name, tasks: row.tasks ?? [] };
}
