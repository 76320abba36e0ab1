import type { RecordedState } from '../../audit/recorded-states.query.ts';
import type { ConnectionState } from '../status/connection-state.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';

/** How far the clocks of two replicas may differ: entries that are closer together may stand in the wrong order. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * How a row of connection stands to the record. `consistent`: as recorded, or nothing is recorded that it could be held against.
 * `rolled_back`: it is not what the newest change left. `ended`: it lives, and the record says that it was revoked, which is for good.
 */
export type ConnectionVerdict =
  | { kind: 'consistent' }
  | { kind: 'rolled_back'; recorded: { status: unknown; generation: number } }
  | { kind: 'ended' };

/**
 * Judges a connection by its newest entries, the newest first. An earlier find counts as a state like any other, so that each is reported
 * once. Entries without a generation are from releases that did not count: where one may be the newest, nothing is said.
 */
export function judgeConnection(row: ConnectionState, entries: readonly RecordedState[]): ConnectionVerdict {
  if (row.status !== ENDED && entries.some(({ action }) => action === 'connection.revoked')) return { kind: 'ended' };
  const newest = newestStates(entries);
  const generations = newest.map(({ details }) => details['generation']);
  if (newest.length === 0 || !generations.every((generation) => typeof generation === 'number'))
    return { kind: 'consistent' };
  const generation = Math.max(...generations);
  const status = newest.find(({ details }) => details['generation'] === generation)?.details['status'];
  const isAsRecorded = row.generation === generation && row.status === status;
  return isAsRecorded ? { kind: 'consistent' } : { kind: 'rolled_back', recorded: { status, generation } };
}

/** Those that may be the newest: no older than the tolerance, and none from before a find. */
function newestStates(entries: readonly RecordedState[]): RecordedState[] {
  const [first] = entries;
  if (first === undefined) return [];
  const find = entries.findIndex(({ action }) => action === 'connection.rollback_detected');
  const sinceFind = find === -1 ? entries : entries.slice(0, find + 1);
  return sinceFind.filter(({ at }) => first.at.getTime() - at.getTime() <= CLOCK_TOLERANCE_MS);
}

/**
 * The newest version of a credential that the record names since the last find, which itself counts; null where it names none. A row with
 * an older one was set back: versions only grow, and a sealed token opens under its own version alone.
 */
export function newestRecordedVersion(entries: readonly RecordedState[]): number | null {
  const find = entries.findIndex(({ action }) => action === 'credential.rollback_detected');
  const sinceFind = find === -1 ? entries : entries.slice(0, find + 1);
  const versions = sinceFind.map(({ details }) => details['version']).filter((version) => typeof version === 'number');
  return versions.length === 0 ? null : Math.max(...versions);
}

const ENDED: ConnectionStatus = 'revoked';
