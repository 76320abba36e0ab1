import type { SqlExecutor } from '../../database/statement.ts';
import type { AuditCheckpoint } from './audit-checkpoint.ts';
import { computeLinkMac } from './chain-encoding.ts';
import type { ChainFaultKind, ChainFaults } from './chain-fault.ts';
import type { ChainMac } from './chain-mac.ts';
import { LINKS_PER_BATCH, type LinkRow, readLinks } from './chain-verification.query.ts';
import { firstIdRequiringMac, isForged } from './entry-mac.ts';

const BEFORE_ALL_POSITIONS = '-9223372036854775808';

/** Where a walk stands. */
interface WalkState {
  /** Of the last link; null before the first one of a chain whose beginning is not known. */
  position: number | null;
  /** Its MAC; null after a gap, where the next link can't be proven by what stands before it. */
  mac: Buffer | null;
  /** The id from which entries without a MAC are forged, as far as the walk has come. */
  macsRequiredFrom: string | null;
}

interface LinkWalk {
  start: AuditCheckpoint | null;
  upTo: number;
  onProgress?: (position: number, lastPosition: number) => void;
}

/**
 * Walks the links up to a position in batches, in flat memory, on past every fault: each link is held against the one before it as that one
 * is stored now. `start` null: the beginning is not known, and the first link is taken as it is. Returns from which id on entries without a
 * MAC are forged.
 */
export async function walkLinks(
  executor: SqlExecutor,
  mac: ChainMac,
  { start, upTo, onProgress }: LinkWalk,
  faults: ChainFaults,
): Promise<string | null> {
  const state: WalkState = start === null ? { position: null, mac: null, macsRequiredFrom: null } : { ...start };
  for (let from = BEFORE_ALL_POSITIONS; ; ) {
    const links = await readLinks(executor, from, upTo);
    for (const link of links) step(mac, state, link, faults);
    const last = links.at(-1);
    if (last !== undefined) onProgress?.(Number(last.position), upTo);
    if (links.length < LINKS_PER_BATCH || last === undefined || faults.isFull) return state.macsRequiredFrom;
    from = last.position;
  }
}

function step(mac: ChainMac, state: WalkState, link: LinkRow, faults: ChainFaults): void {
  const found = Number(link.position);
  const expected = (state.position ?? found - 1) + 1;
  if (found < expected) {
    // A link before the beginning belongs to nothing.
    faults.addPositions('missing_link', expected, expected, link.entry_id);
    return;
  }
  if (found > expected) {
    faults.addPositions('missing_link', expected, found - 1, link.entry_id);
    state.mac = null;
  }
  const kind = linkFault(mac, link, found, state);
  if (kind !== null) faults.addPositions(kind, found, found, link.entry_id);
  if (link.entry_mac !== null) state.macsRequiredFrom ??= firstIdRequiringMac({ id: link.entry_id, position: found });
  state.position = found;
  state.mac = link.mac;
}

function linkFault(mac: ChainMac, link: LinkRow, position: number, state: WalkState): ChainFaultKind | null {
  const { fields, digest, entry_mac } = link;
  if (fields === null || digest === null) return 'missing_entry';
  const { mac: previous } = state;
  const isLinked = (entryMac: Buffer | null): boolean =>
    previous === null || computeLinkMac(mac, position, previous, fields, entryMac).equals(link.mac);
  // Replicas of the version whose links did not cover entries' MACs may have linked during the rollout.
  if (!isLinked(entry_mac) && !(entry_mac !== null && isLinked(null))) return 'changed';
  return isForged(mac, { id: link.entry_id, digest, mac: entry_mac }, state.macsRequiredFrom) ? 'forged' : null;
}
