import type { ConnectionStatus } from './connection-status.ts';

/** What a change of status leaves, as its audit entry names it: a row that is set back later does not fit it. */
export interface ConnectionState {
  status: ConnectionStatus;
  /** How many times the status was written, from 1. */
  generation: number;
}

/** The state that a statement left; `updated` is the row that it returned. Throws if it wrote none. */
export function toConnectionState(
  status: ConnectionStatus,
  updated: Pick<ConnectionState, 'generation'> | undefined,
): ConnectionState {
  if (updated === undefined) throw new Error('the status of a connection was written to no row');
  return { status, generation: updated.generation };
}
