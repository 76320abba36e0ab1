import type { SqlExecutor } from '../../database/statement.ts';
import { findCheckpoint, upsertCheckpoint } from './audit-checkpoint.repository.ts';
import { encodeFields, GENESIS_MAC } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';

/** Start of the chain, after the pruned links. */
export interface AuditCheckpoint {
  /** Position of the last pruned link; 0 if none was pruned. */
  position: number;
  /** That link's MAC. */
  mac: Buffer;
  /** The id from which entries without a MAC are forged; null if no entry so far had one. */
  macsRequiredFrom: string | null;
}

/** Start of a chain that was never pruned. */
const GENESIS: AuditCheckpoint = Object.freeze({ position: 0, mac: GENESIS_MAC, macsRequiredFrom: null });

/** Returns the stored checkpoint; null if its seal doesn't verify. */
export async function readCheckpoint(executor: SqlExecutor, mac: ChainMac): Promise<AuditCheckpoint | null> {
  const stored = await findCheckpoint(executor);
  if (stored === null) return GENESIS;
  const { seal, ...checkpoint } = stored;
  return computeSeal(mac, checkpoint).equals(seal) ? checkpoint : null;
}

export async function storeCheckpoint(
  executor: SqlExecutor,
  mac: ChainMac,
  checkpoint: AuditCheckpoint,
): Promise<void> {
  await upsertCheckpoint(executor, { ...checkpoint, seal: computeSeal(mac, checkpoint) });
}

/** Prevents anyone without the key from moving the start of the chain. */
function computeSeal(mac: ChainMac, { position, mac: last, macsRequiredFrom }: AuditCheckpoint): Buffer {
  return mac.computeAuditMac(
    encodeFields(['metavault audit checkpoint', '1', String(position), last.toString('hex'), macsRequiredFrom]),
  );
}
