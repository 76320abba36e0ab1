import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';

interface CheckpointRow {
  position: string;
  mac: Buffer;
  macs_required_from: string | null;
  seal: Buffer;
}

interface StoredCheckpoint {
  position: number;
  mac: Buffer;
  macsRequiredFrom: string | null;
  seal: Buffer;
}

const selectStatement = defineStatement<Record<never, never>, CheckpointRow>(
  'audit_checkpoint',
  () => sql`SELECT position, mac, macs_required_from, seal FROM audit_checkpoint`,
  { prepare: true },
);

const upsertStatement = defineStatement<StoredCheckpoint>(
  'audit_checkpoint_upsert',
  ({
    position,
    mac,
    macsRequiredFrom,
    seal,
  }) => sql`INSERT INTO audit_checkpoint (id, position, mac, macs_required_from, seal)
    VALUES (1, ${position}, ${mac}, ${macsRequiredFrom}, ${seal})
    ON CONFLICT (id) DO UPDATE SET position = excluded.position, mac = excluded.mac,
      macs_required_from = excluded.macs_required_from, seal = excluded.seal`,
);

/** Returns null if the record was never pruned. */
export async function findCheckpoint(executor: SqlExecutor): Promise<StoredCheckpoint | null> {
  const [row] = await executor.rows(selectStatement({}));
  if (row === undefined) return null;
  return {
    position: Number(row.position),
    mac: row.mac,
    macsRequiredFrom: row.macs_required_from,
    seal: row.seal,
  };
}

export async function upsertCheckpoint(executor: SqlExecutor, checkpoint: StoredCheckpoint): Promise<void> {
  await executor.run(upsertStatement(checkpoint));
}
