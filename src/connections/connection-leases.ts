import type { SqlExecutor } from '../database/statement.ts';
import type { ConnectionId, CredentialId } from './ids.ts';

/** What connections need from their leases when they end. A port implemented by `leases`, which imports this module. */
export abstract class ConnectionLeases {
  /**
   * Ends the leases active at `now`; returns how many. Leases only count while their connection is active, so this is
   * for the record.
   */
  abstract end(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<number>;

  /** End of the last lease that handed out this version in token mode and is still live at `now`. Null: none. */
  abstract tokenLeasesEndAt(
    executor: SqlExecutor,
    of: { connectionId: ConnectionId; credentialId: CredentialId; version: number },
    now: Date,
  ): Promise<Date | null>;

  /** Erases which assets a connection's leases reached. */
  abstract clearAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<void>;
}
