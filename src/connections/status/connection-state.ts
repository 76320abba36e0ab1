import type { ConnectionStatus } from './connection-status.ts';

/** The state a status change leaves, as in its audit entry, so that rolling the row back is detectable. */
export interface ConnectionState {
  status: ConnectionStatus;
  /** Counts writes of the status, from 1. */
  generation: number;
}

/** The state a statement left. `updated`: the row it returned. Throws if it wrote none. */
export function toConnectionState(
  status: ConnectionStatus,
  updated: Pick<ConnectionState, 'generation'> | undefined,
): ConnectionState {
  if (updated === undefined) throw new Error('the status of a connection was not written');
  return { status, generation: updated.generation };
}
