import type { SqlExecutor } from '../../database/statement.ts';
import { encodeFields, GENESIS_MAC } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';

/** Where the chain begins: after the links and entries that were pruned. */
export interface AuditCheckpoint {
  /** The position of the last link that was pruned; 0 where none was. */
  position: number;
  /** That link's MAC. */
  mac: Buffer;
  /** From which id on entries without a MAC are none of ours; null where no entry up to here had one. */
  macsRequiredFrom: string | null;
}

/** The beginning of a chain that was never pruned. */
const GENESIS: AuditCheckpoint = Object.freeze({ position: 0, mac: GENESIS_MAC, macsRequiredFrom: null });

/** The checkpoint as stored; null where its seal does not hold. */
export async function readCheckpoint(sql: SqlExecutor, mac: ChainMac): Promise<AuditCheckpoint | null> {
  const [row] = await sql.rows<{ position: string; mac: Buffer; macs_required_from: string | null; seal: Buffer }>({
    name: 'audit_checkpoint',
    text: 'SELECT position, mac, macs_required_from, seal FROM audit_checkpoint',
  });
  if (row === undefined) return GENESIS;
  const checkpoint = { position: Number(row.position), mac: row.mac, macsRequiredFrom: row.macs_required_from };
  return computeSeal(mac, checkpoint).equals(row.seal) ? checkpoint : null;
}

export async function storeCheckpoint(sql: SqlExecutor, mac: ChainMac, checkpoint: AuditCheckpoint): Promise<void> {
  await sql.run({
    text: `INSERT INTO audit_checkpoint (id, position, mac, macs_required_from, seal) VALUES (1, $1, $2, $3, $4)
      ON CONFLICT (id) DO UPDATE SET position = $1, mac = $2, macs_required_from = $3, seal = $4`,
    values: [checkpoint.position, checkpoint.mac, checkpoint.macsRequiredFrom, computeSeal(mac, checkpoint)],
  });
}

/** Without the key nobody can let the chain begin later than it does. */
function computeSeal(mac: ChainMac, { position, mac: last, macsRequiredFrom }: AuditCheckpoint): Buffer {
  return mac.computeAuditMac(
    encodeFields(['metavault audit checkpoint', '1', String(position), last.toString('hex'), macsRequiredFrom]),
  );
}
