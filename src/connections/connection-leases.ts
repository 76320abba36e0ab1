import type { SqlExecutor } from '../database/statement.ts';
import type { ConnectionId, CredentialId } from './ids.ts';

/** What connections ask of their leases when they end. A port: `leases`, which imports this module, implements it. */
export abstract class ConnectionLeases {
  /**
   * Ends the leases that are active at `now`; how many. A lease counts only while its connection is active, so this is for the record.
   */
  abstract end(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<number>;

  /** When the last lease ends that handed out this version in token mode, and lives at `now`. Null: there is none. */
  abstract tokenLeasesEndAt(
    executor: SqlExecutor,
    of: { connectionId: ConnectionId; credentialId: CredentialId; version: number },
    now: Date,
  ): Promise<Date | null>;

  /** Erases which assets the leases of a connection reached. */
  abstract clearAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<void>;
}
