import type { SqlExecutor } from '../../database/statement.ts';
import { readCheckpoint } from './audit-checkpoint.ts';
import { readTip } from './audit-link.repository.ts';
import { computeHeadSeal, GENESIS_MAC } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';
import { findLinkMac } from './chain-verification.query.ts';

/** The head of the chain at one moment, to be stored elsewhere. The seal can't be forged without the chain's key. */
export interface ChainAnchor {
  entries: number;
  /** The MAC of the link at position `entries`, in hex. */
  head: string;
  seal: string;
}

/** How the record stands to an anchor: it holds what the anchor saw, or why not. */
export type AnchorVerdict = 'holds' | AnchorFault;

type AnchorFault = 'not_ours' | 'cut_off' | 'rewritten' | 'pruned';

/** The present head as an anchor; that of an empty chain says that it holds nothing. */
export async function createAnchor(executor: SqlExecutor, mac: ChainMac): Promise<ChainAnchor> {
  const { head } = await readTip(executor);
  if (head === null) {
    const seal = computeHeadSeal(mac, 0, GENESIS_MAC).toString('hex');
    return { entries: 0, head: GENESIS_MAC.toString('hex'), seal };
  }
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

const PREFIX = 'mva1';
const WORD = new RegExp(`^${PREFIX}\\.(\\d{1,15})\\.([0-9a-f]{64})\\.([0-9a-f]{64})$`);

/** An anchor as one word, for a query or a note. */
export function formatAnchor({ entries, head, seal }: ChainAnchor): string {
  return `${PREFIX}.${entries}.${head}.${seal}`;
}

/** An anchor from its word, or from the JSON that has its parts. Null for anything else. */
export function parseAnchor(text: string): ChainAnchor | null {
  const [, entries, head, seal] = WORD.exec(text.trim()) ?? [];
  if (entries !== undefined) return toAnchor({ entries: Number(entries), head, seal });
  try {
    return toAnchor(JSON.parse(text) as Partial<Record<keyof ChainAnchor, unknown>> | null);
  } catch {
    return null;
  }
}

function toAnchor(parts: Partial<Record<keyof ChainAnchor, unknown>> | null): ChainAnchor | null {
  const { entries, head, seal } = parts ?? {};
  if (typeof entries !== 'number' || !Number.isSafeInteger(entries) || entries < 0) return null;
  if (typeof head !== 'string' || typeof seal !== 'string') return null;
  return { entries, head, seal };
}
