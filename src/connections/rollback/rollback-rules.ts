import type { RecordedState } from '../../audit/recorded-states.query.ts';
import type { ConnectionState } from '../status/connection-state.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';

/** Largest clock difference between replicas. Entries closer together may be in the wrong order. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * How a connection's row compares with the record. `consistent`: as recorded, or there is nothing to compare.
 * `rolled_back`: not what the newest change left. `ended`: live, although the record says it was revoked, which is
 * final.
 */
export type ConnectionVerdict =
  | { kind: 'consistent' }
  | { kind: 'rolled_back'; recorded: { status: unknown; generation: number } }
  | { kind: 'ended' };

/**
 * Judges a connection by its entries, newest first. Earlier findings count as states, so that each is reported once.
 * Entries of old releases lack a generation; if one of them may be the newest, there is no finding.
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

/** Entries that may be the newest: within the tolerance, and none from before a finding. */
function newestStates(entries: readonly RecordedState[]): RecordedState[] {
  const [first] = entries;
  if (first === undefined) return [];
  const find = entries.findIndex(({ action }) => action === 'connection.rollback_detected');
  const sinceFind = find === -1 ? entries : entries.slice(0, find + 1);
  return sinceFind.filter(({ at }) => first.at.getTime() - at.getTime() <= CLOCK_TOLERANCE_MS);
}

/**
 * The newest version of a credential named in the record since the last finding, inclusive; null: none. A row with an
 * older version was rolled back, because versions only grow and a sealed token can be opened only under its own
 * version.
 */
export function newestRecordedVersion(entries: readonly RecordedState[]): number | null {
  const find = entries.findIndex(({ action }) => action === 'credential.rollback_detected');
  const sinceFind = find === -1 ? entries : entries.slice(0, find + 1);
  const versions = sinceFind.map(({ details }) => details['version']).filter((version) => typeof version === 'number');
  return versions.length === 0 ? null : Math.max(...versions);
}

const ENDED: ConnectionStatus = 'revoked';
