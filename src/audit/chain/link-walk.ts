import type { SqlExecutor } from '../../database/statement.ts';
import type { AuditCheckpoint } from './audit-checkpoint.ts';
import { computeLinkMac } from './chain-encoding.ts';
import type { ChainFaultKind, ChainFaults } from './chain-fault.ts';
import type { ChainMac } from './chain-mac.ts';
import { LINKS_PER_BATCH, type LinkRow, readLinks } from './chain-verification.query.ts';
import { firstIdRequiringMac, isForged } from './entry-mac.ts';
import { readEntryText } from './entry-text.ts';

const BEFORE_ALL_POSITIONS = '-9223372036854775808';

interface WalkState {
  /** Position of the last link; null before the first link of a chain with an unknown start. */
  position: number | null;
  /** Its MAC; null after a gap, when the next link can't be checked. */
  mac: Buffer | null;
  /** The id from which entries without a MAC are forged, as known so far. */
  macsRequiredFrom: string | null;
}

interface LinkWalk {
  start: AuditCheckpoint | null;
  upTo: number;
  onProgress?: (position: number, lastPosition: number) => void;
}

/**
 * Checks the links up to a position against their predecessors, in batches and constant memory, past every fault.
 * `start` null: the start is unknown, so the first link is trusted. Returns the id from which entries without a MAC are
 * forged.
 */
export async function walkLinks(
  executor: SqlExecutor,
  mac: ChainMac,
  { start, upTo, onProgress }: LinkWalk,
  faults: ChainFaults,
): Promise<string | null> {
  const state: WalkState = start === null ? { position: null, mac: null, macsRequiredFrom: null } : { ...start };
  let reading = readLinks(executor, BEFORE_ALL_POSITIONS, upTo);
  for (;;) {
    const links = await reading;
    const last = links.at(-1);
    const isLastBatch = links.length < LINKS_PER_BATCH || last === undefined;
    // The database reads the next batch while this one is checked.
    if (!isLastBatch) reading = readLinks(executor, last.position, upTo);
    for (const link of links) step(mac, state, link, faults);
    if (last !== undefined) onProgress?.(Number(last.position), upTo);
    if (isLastBatch) return state.macsRequiredFrom;
    if (faults.isFull) {
      await reading;
      return state.macsRequiredFrom;
    }
  }
}

function step(mac: ChainMac, state: WalkState, link: LinkRow, faults: ChainFaults): void {
  const found = Number(link.position);
  const expected = (state.position ?? found - 1) + 1;
  if (found < expected) {
    // A link from before the start.
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
  const { entry, entry_mac } = link;
  if (entry === null) return 'missing_entry';
  const { fields, digest } = readEntryText(entry);
  const { mac: previous } = state;
  const isLinked = (entryMac: Buffer | null): boolean =>
    previous === null || computeLinkMac(mac, position, previous, fields, entryMac).equals(link.mac);
  // During a rollout, replicas of the previous release link without covering the entry's MAC.
  if (!isLinked(entry_mac) && !(entry_mac !== null && isLinked(null))) return 'changed';
  return isForged(mac, { id: link.entry_id, digest, mac: entry_mac }, state.macsRequiredFrom) ? 'forged' : null;
}
