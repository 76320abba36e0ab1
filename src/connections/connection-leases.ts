import type { SqlExecutor } from '../database/statement.ts';
import type { ConnectionId } from './ids.ts';

/** What connections ask of their leases when they end. A port: `leases`, which imports this module, implements it. */
export abstract class ConnectionLeases {
  /**
   * Ends the leases that are active at `now`; how many. A lease counts only while its connection is active, so this is for the record.
   */
  abstract end(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<number>;

  /** Erases which assets the leases of a connection reached. */
  abstract clearAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<void>;
}
