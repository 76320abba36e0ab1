import type { Sql } from '../../database/database.ts';
import { encode, GENESIS_MAC } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';

/** Where the chain begins: after the links and entries that were pruned. */
export interface Checkpoint {
  /** The position of the last link that was pruned; 0 where none was. */
  position: number;
  /** That link's MAC. */
  mac: Buffer;
  /** From which id on entries without a MAC are none of ours; null where no entry up to here had one. */
  macsFrom: string | null;
}

/** The beginning of a chain that was never pruned. */
const GENESIS: Checkpoint = Object.freeze({ position: 0, mac: GENESIS_MAC, macsFrom: null });

/** The checkpoint as stored; null where its seal does not hold. */
export async function readCheckpoint(sql: Sql, mac: ChainMac): Promise<Checkpoint | null> {
  const [row] = await sql.rows<{ position: string; mac: Buffer; macs_from: string | null; seal: Buffer }>({
    name: 'audit_checkpoint',
    text: 'SELECT position, mac, macs_from, seal FROM audit_checkpoint',
  });
  if (row === undefined) return GENESIS;
  const checkpoint = { position: Number(row.position), mac: row.mac, macsFrom: row.macs_from };
  return sealOf(mac, checkpoint).equals(row.seal) ? checkpoint : null;
}

export async function storeCheckpoint(sql: Sql, mac: ChainMac, checkpoint: Checkpoint): Promise<void> {
  await sql.run({
    text: `INSERT INTO audit_checkpoint (id, position, mac, macs_from, seal) VALUES (1, $1, $2, $3, $4)
      ON CONFLICT (id) DO UPDATE SET position = $1, mac = $2, macs_from = $3, seal = $4`,
    values: [checkpoint.position, checkpoint.mac, checkpoint.macsFrom, sealOf(mac, checkpoint)],
  });
}

/** Without the key nobody can let the chain begin later than it does. */
function sealOf(mac: ChainMac, { position, mac: last, macsFrom }: Checkpoint): Buffer {
  return mac.auditMac(encode(['metavault audit checkpoint', '1', String(position), last.toString('hex'), macsFrom]));
}
