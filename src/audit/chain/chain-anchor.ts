import type { SqlExecutor } from '../../database/statement.ts';
import { readCheckpoint } from './audit-checkpoint.ts';
import { readTip } from './audit-link.repository.ts';
import { computeHeadSeal, GENESIS_MAC } from './chain-encoding.ts';
import type { ChainMac } from './chain-mac.ts';
import { findLinkMac } from './chain-verification.query.ts';

/** The head of the chain at one moment, to be stored elsewhere. Forging the seal requires the chain's key. */
export interface ChainAnchor {
  entries: number;
  /** MAC of the link at position `entries`, in hex. */
  head: string;
  seal: string;
}

const ANCHOR_FAULTS = ['not_ours', 'cut_off', 'rewritten', 'pruned'] as const;
export const ANCHOR_VERDICTS = ['holds', ...ANCHOR_FAULTS] as const;

export type AnchorVerdict = (typeof ANCHOR_VERDICTS)[number];

type AnchorFault = (typeof ANCHOR_FAULTS)[number];

/** Returns the current head as an anchor, also for an empty chain. */
export async function createAnchor(executor: SqlExecutor, mac: ChainMac): Promise<ChainAnchor> {
  const { head } = await readTip(executor);
  if (head === null) {
    const seal = computeHeadSeal(mac, 0, GENESIS_MAC).toString('hex');
    return { entries: 0, head: GENESIS_MAC.toString('hex'), seal };
  }
  return { entries: head.entries, head: head.mac.toString('hex'), seal: head.seal.toString('hex') };
}

/**
 * Returns why the chain doesn't contain an anchor, or null if it does. Only an anchor can detect a database restored as
 * a whole to an earlier state, which is consistent in itself. `cut_off`: the chain ends before the anchor; `rewritten`:
 * it differs there; `not_ours`: the seal is wrong; `pruned`: the chain begins after it, so it can't be checked.
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

/** Formats an anchor as one word, for a query or a note. */
export function formatAnchor({ entries, head, seal }: ChainAnchor): string {
  return `${PREFIX}.${entries}.${head}.${seal}`;
}

/** Parses an anchor from `formatAnchor` or from JSON with its fields. Null for anything else. */
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
