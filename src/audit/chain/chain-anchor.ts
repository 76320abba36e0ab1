import type { SqlExecutor } from '../../database/statement.ts';
import { readCheckpoint } from './audit-checkpoint.ts';
import { readTip } from './audit-link.repository.ts';
import { computeHeadSeal } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';
import { findLinkMac } from './chain-verification.query.ts';

/** The head of the chain at one moment, to be stored elsewhere. The seal can't be forged without the chain's key. */
export interface ChainAnchor {
  entries: number;
  /** The MAC of the link at position `entries`, in hex. */
  head: string;
  seal: string;
}

type AnchorFault = 'not_ours' | 'cut_off' | 'rewritten' | 'pruned';

/** The present head as an anchor. Null for an empty chain. */
export async function createAnchor(executor: SqlExecutor): Promise<ChainAnchor | null> {
  const { head } = await readTip(executor);
  if (head === null) return null;
  return { entries: head.entries, head: head.mac.toString('hex'), seal: head.seal.toString('hex') };
}

/**
 * Whether the chain still passes through an anchor. The database alone can't show this, because one that was restored as a whole to an
 * earlier state is consistent. `cut_off`: the chain ends before the anchor; `rewritten`: it differs at the anchor; `not_ours`: the seal is
 * wrong; `pruned`: the chain begins after the anchor, so the anchor can't be checked any more.
 */
export async function findAnchorFault(
  executor: SqlExecutor,
  mac: ChainMac,
  anchor: ChainAnchor,
): Promise<AnchorFault | null> {
  const head = Buffer.from(anchor.head, 'hex');
  if (!computeHeadSeal(mac, anchor.entries, head).equals(Buffer.from(anchor.seal, 'hex'))) return 'not_ours';
  const checkpoint = await readCheckpoint(executor, mac);
  if (checkpoint !== null && anchor.entries <= checkpoint.position) {
    if (anchor.entries < checkpoint.position) return 'pruned';
    return checkpoint.mac.equals(head) ? null : 'rewritten';
  }
  const linkMac = await findLinkMac(executor, anchor.entries);
  if (linkMac === null) return 'cut_off';
  return linkMac.equals(head) ? null : 'rewritten';
}
