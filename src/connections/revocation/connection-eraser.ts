import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { Vault } from '../../vault/vault.ts';
import { lockMetaUser } from '../authorization/meta-user-lock.ts';

/** Stands where the id of an erased person stood. */
export const ERASED = 'erased';

/**
 * Erases what a revoked connection tells about its person: their id at Meta, names, what they reached (assets, and the assets of
 * leases), the ids of credentials, what Meta answered about them, and a token that was kept for revoking. What stays says
 * that our tenant had a connection, and when: our own ids, which the audit chain names, and states.
 */
@Injectable()
export class ConnectionEraser {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly clock: Clock,
  ) {}

  /**
   * In one transaction, with what the caller adds by `within`. False, with nothing done: there is no such connection, or it is not
   * revoked. A second call finds nothing left.
   */
  async erase(id: string, within: (tx: Transaction) => Promise<void>): Promise<boolean> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      if (!(await this.lockRevoked(tx, id))) return false;
      await this.destroyKeptToken(tx, id);
      await tx.run({ text: 'DELETE FROM asset WHERE connection_id = $1', values: [id] });
      await tx.run({
        text: `UPDATE credential SET subject_id = '${ERASED}:' || id, subject_name = NULL, failure = NULL, scopes = '{}', updated_at = $2
          WHERE connection_id = $1`,
        values: [id, now],
      });
      await tx.run({
        text: `UPDATE lease SET asset_type = NULL, asset_id = NULL WHERE connection_id = $1 AND asset_id IS NOT NULL`,
        values: [id],
      });
      await tx.run({
        text: `UPDATE connection SET meta_user_id = '${ERASED}', app_scoped_user_id = NULL, status_reason = NULL, scopes = '{}', declined_scopes = '{}',
          data_access_expires_at = NULL, expiry_notice_due_at = NULL, updated_at = $2 WHERE id = $1`,
        values: [id, now],
      });
      await within(tx);
      return true;
    });
  }

  /** Locks the Meta user first, then the row: the order in which connecting locks them. */
  private async lockRevoked(tx: Transaction, id: string): Promise<boolean> {
    const [found] = await tx.rows<{ app_id: string; meta_user_id: string }>({
      text: 'SELECT app_id, meta_user_id FROM connection WHERE id = $1',
      values: [id],
    });
    if (found === undefined) return false;
    await lockMetaUser(tx, found.app_id, found.meta_user_id);
    const rows = await tx.rows({
      text: `SELECT 1 FROM connection WHERE id = $1 AND status = 'revoked' FOR UPDATE`,
      values: [id],
    });
    return rows.length > 0;
  }

  /** The person took the grant away at Meta, so there is nothing to be told there any more. */
  private async destroyKeptToken(tx: Transaction, id: string): Promise<void> {
    const kept = await tx.rows<{ secret_id: string | null }>({
      text: 'DELETE FROM provider_revocation WHERE connection_id = $1 RETURNING secret_id',
      values: [id],
    });
    if (kept.length === 0) return;
    await this.vault.destroy(
      tx,
      kept.map((row) => row.secret_id).filter((secretId) => secretId !== null),
    );
    await tx.run({ text: 'UPDATE credential SET secret_id = NULL WHERE connection_id = $1', values: [id] });
    await tx.run({
      text: `UPDATE connection SET provider_revocation = 'confirmed' WHERE id = $1 AND provider_revocation = 'pending'`,
      values: [id],
    });
  }
}
