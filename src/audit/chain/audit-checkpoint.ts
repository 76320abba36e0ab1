import type { SqlExecutor } from '../../database/statement.ts';
import { findCheckpoint, upsertCheckpoint } from './audit-checkpoint.repository.ts';
import { encodeFields, GENESIS_MAC } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';

/** Where the chain begins: after the links and entries that were pruned. */
export interface AuditCheckpoint {
  /** The position of the last pruned link; 0 if none was pruned. */
  position: number;
  /** That link's MAC. */
  mac: Buffer;
  /** The id from which entries without a MAC are forged; null if no entry up to here had a MAC. */
  macsRequiredFrom: string | null;
}

/** The start of a chain that was never pruned. */
const GENESIS: AuditCheckpoint = Object.freeze({ position: 0, mac: GENESIS_MAC, macsRequiredFrom: null });

/** The stored checkpoint; null if its seal does not verify. */
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

/** Without the key nobody can make the chain begin later than it does. */
function computeSeal(mac: ChainMac, { position, mac: last, macsRequiredFrom }: AuditCheckpoint): Buffer {
  return mac.computeAuditMac(
    encodeFields(['metavault audit checkpoint', '1', String(position), last.toString('hex'), macsRequiredFrom]),
  );
}
