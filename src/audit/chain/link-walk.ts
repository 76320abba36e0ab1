import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SqlExecutor } from '../../database/statement.ts';
import { readEntryProofs } from '../audit-entry.repository.ts';
import type { AuditEntryId } from '../ids.ts';
import type { AuditCheckpoint } from './audit-checkpoint.ts';
import { computeLinkMac } from './chain-encoding.ts';
import type { ChainFaultKind, ChainFaults } from './chain-fault.ts';
import type { ChainMac } from './chain-mac.ts';
import { LINKS_PER_BATCH, type LinkCursor, type LinkRow, readLinks } from './chain-verification.query.ts';
import { firstIdRequiringMac, isForged } from './entry-mac.ts';

/** Links checked in one go, which takes a millisecond and blocks requests. */
const HASHED_AT_ONCE = 100;
const BEFORE_ALL_POSITIONS = '-9223372036854775808';

interface WalkState {
  /** Position of the last link; null before the first link of a chain with an unknown start. */
  position: number | null;
  /** Its MAC; null after a gap, when the next link can't be checked. */
  mac: Buffer | null;
  /** The id from which entries without a MAC are forged, as known so far. */
  macsRequiredFrom: string | null;
}

/** Progress of a walk. */
export interface WalkProgress {
  position: number;
  lastPosition: number;
  /** Up to where nothing is wrong; null before the first link, and after the first fault. */
  soundUpTo: AuditCheckpoint | null;
}

interface LinkWalk {
  start: AuditCheckpoint | null;
  /** Whether an earlier walk has checked the links up to the start, so that they need not be read. */
  isContinued?: boolean;
  upTo: number;
  onProgress?: (progress: WalkProgress) => void;
}

/**
 * Checks the links up to a position against their predecessors, in batches and constant memory, past every fault.
 * `start` null: the start is unknown, so the first link is trusted. Returns the id from which entries without a MAC are
 * forged.
 */
export async function walkLinks(
  executor: SqlExecutor,
  mac: ChainMac,
  { start, isContinued = false, upTo, onProgress }: LinkWalk,
  faults: ChainFaults,
): Promise<string | null> {
  const state: WalkState = start === null ? { position: null, mac: null, macsRequiredFrom: null } : { ...start };
  const first: LinkCursor = {
    from: isContinued && start !== null ? String(start.position + 1) : BEFORE_ALL_POSITIONS,
    lastEntryId: '',
  };
  let reading = readLinks(executor, first, upTo);
  for (;;) {
    const links = await reading;
    const last = links.at(-1);
    const isLastBatch = links.length < LINKS_PER_BATCH || last === undefined;
    // The database reads the next batch while this one is checked.
    if (!isLastBatch) reading = readLinks(executor, { from: last.position, lastEntryId: last.entry_id }, upTo);
    const steps: Step[] = [];
    for (const [index, link] of links.entries()) {
      if (index % HASHED_AT_ONCE === 0) await nextTurn();
      const found = step(mac, state, link);
      if (found !== null) steps.push(found);
    }
    await report(executor, mac, steps, faults);
    if (last !== undefined) onProgress?.(progressOf(Number(last.position), upTo, state, faults));
    if (isLastBatch) return state.macsRequiredFrom;
    if (faults.isFull) {
      await reading;
      return state.macsRequiredFrom;
    }
  }
}

function progressOf(position: number, lastPosition: number, state: WalkState, faults: ChainFaults): WalkProgress {
  const { position: soundPosition, mac, macsRequiredFrom } = state;
  const isSound = faults.list.length === 0 && soundPosition !== null && mac !== null;
  return {
    position,
    lastPosition,
    soundUpTo: isSound ? { position: soundPosition, mac, macsRequiredFrom } : null,
  };
}

/** What is wrong with a link. `unproven`: only the entry's own MAC can tell whether it is forged. */
type Finding = ChainFaultKind | 'unproven' | null;

/** A link where something is missing, wrong, or unproven. */
interface Step {
  entryId: AuditEntryId;
  position: number;
  /** The first position without a link before this one; null if there is none. */
  missingFrom: number | null;
  finding: Finding;
}

/** Checks the next link; null: nothing is wrong. */
function step(mac: ChainMac, state: WalkState, link: LinkRow): Step | null {
  const { entry_id: entryId } = link;
  const position = Number(link.position);
  const expected = (state.position ?? position - 1) + 1;
  // A link from before the start.
  if (position < expected) return { entryId, position: expected, missingFrom: null, finding: 'missing_link' };
  const isAfterGap = position > expected;
  if (isAfterGap) state.mac = null;
  const finding = judge(mac, link, position, state);
  if (link.entry_mac !== null) state.macsRequiredFrom ??= firstIdRequiringMac({ id: entryId, position });
  state.position = position;
  state.mac = link.mac;
  return finding === null && !isAfterGap
    ? null
    : { entryId, position, missingFrom: isAfterGap ? expected : null, finding };
}

/**
 * A link that covers its entry's MAC proves the entry: the link's writer had checked that MAC. Others prove only that
 * the entry is the one that was linked.
 */
function judge(
  mac: ChainMac,
  link: LinkRow,
  position: number,
  { mac: previous, macsRequiredFrom }: WalkState,
): Finding {
  const { entry, entry_id: id, entry_mac: entryMac } = link;
  if (entry === null) return 'missing_entry';
  const isLinked = (coveredMac: Buffer | null): boolean =>
    previous === null || computeLinkMac(mac, position, previous, entry, coveredMac).equals(link.mac);
  if (entryMac === null) {
    if (!isLinked(null)) return 'changed';
    return macsRequiredFrom !== null && id >= macsRequiredFrom ? 'forged' : null;
  }
  if (previous !== null && isLinked(entryMac)) return null;
  // During a rollout, replicas of the previous release link without covering the entry's MAC.
  return isLinked(null) ? 'unproven' : 'changed';
}

/** Adds what was found to the faults, in the order of the chain. */
async function report(
  executor: SqlExecutor,
  mac: ChainMac,
  steps: readonly Step[],
  faults: ChainFaults,
): Promise<void> {
  const forged = await findForged(executor, mac, steps);
  for (const { entryId, position, missingFrom, finding } of steps) {
    if (missingFrom !== null) faults.addPositions('missing_link', missingFrom, position - 1, entryId);
    const kind = finding !== 'unproven' ? finding : forged.has(entryId) ? 'forged' : null;
    if (kind !== null) faults.addPositions(kind, position, position, entryId);
  }
}

async function findForged(executor: SqlExecutor, mac: ChainMac, steps: readonly Step[]): Promise<Set<AuditEntryId>> {
  const unproven = steps.filter(({ finding }) => finding === 'unproven').map(({ entryId }) => entryId);
  if (unproven.length === 0) return new Set();
  const proofs = await readEntryProofs(executor, unproven);
  return new Set(proofs.filter((proof) => isForged(mac, proof, '')).map(({ id }) => id));
}
