import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';
import type { Description } from './description.ts';

interface DescribedConnection extends Description {
  tenant: string;
  product: string;
}

const lock = defineStatement<{ id: ConnectionId }, DescribedConnection>(
  'connection_description_lock',
  ({ id }) => sql`SELECT reference, metadata, tenant, product FROM connection WHERE id = ${id} FOR NO KEY UPDATE`,
);

const update = defineStatement<{ id: ConnectionId; reference: string | null; metadata: string; now: Date }>(
  'connection_describe',
  ({ id, reference, metadata, now }) => sql`UPDATE connection
    SET reference = ${reference}, metadata = ${metadata}::json, updated_at = ${now} WHERE id = ${id}`,
);

/** Locks a connection of any status; null: there is none. */
export async function lockDescription(tx: SqlExecutor, id: ConnectionId): Promise<DescribedConnection | null> {
  const [row] = await tx.rows(lock({ id }));
  return row ?? null;
}

export async function updateDescription(
  tx: SqlExecutor,
  id: ConnectionId,
  { reference, metadata }: Description,
  now: Date,
): Promise<void> {
  await tx.run(update({ id, reference, metadata: JSON.stringify(metadata), now }));
}
