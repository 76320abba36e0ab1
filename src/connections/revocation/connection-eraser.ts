import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { Vault } from '../../vault/vault.ts';
import { deleteAssets } from '../assets/asset.repository.ts';
import { ConnectionLeases } from '../connection-leases.ts';
import { clearCredentialSecrets } from '../credentials/credential.repository.ts';
import { deleteTokenRevocationsOfConnection } from '../credentials/superseded-token.repository.ts';
import type { ConnectionId } from '../ids.ts';
import {
  endPendingRevocation,
  type GrantOwner,
  hasLiveSibling,
  lockRevocableConnection,
} from './connection-revocation.repository.ts';
import { updateErasedConnection, updateErasedCredentials } from './erased-connection.repository.ts';
import { deleteProviderRevocation } from './provider-revocation.repository.ts';

/**
 * Erases what a revoked connection says about its user: Meta ids, names, assets (including those of leases), subject
 * ids of credentials, Meta's messages, the product's description, and tokens kept for revocation. What remains shows
 * only that our tenant had a connection, and when: our own ids, which the audit chain names, and states.
 */
@Injectable()
export class ConnectionEraser {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly leases: ConnectionLeases,
    private readonly clock: Clock,
  ) {}

  /**
   * Runs in one transaction with what `within` writes. Returns false and does nothing if there is no such connection or
   * it is not revoked. Repeating it is harmless.
   */
  async erase(id: ConnectionId, within: (tx: Transaction) => Promise<void>): Promise<boolean> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const connection = await lockRevocableConnection(tx, id);
      if (connection?.status !== 'revoked') return false;
      await this.destroyKeptToken(tx, id, connection);
      await this.vault.destroy(tx, await deleteTokenRevocationsOfConnection(tx, id));
      await deleteAssets(tx, id);
      await updateErasedCredentials(tx, id, now);
      await this.leases.clearAssets(tx, id);
      await updateErasedConnection(tx, id, now);
      await within(tx);
      return true;
    });
  }

  /**
   * The user removed the grant at Meta, so nothing is left to revoke there, unless they have granted it again since.
   */
  private async destroyKeptToken(tx: Transaction, id: ConnectionId, owner: GrantOwner): Promise<void> {
    const secretIds = await deleteProviderRevocation(tx, id);
    if (secretIds === null) return;
    await this.vault.destroy(tx, secretIds);
    await clearCredentialSecrets(tx, id);
    await endPendingRevocation(tx, id, (await hasLiveSibling(tx, id, owner)) ? 'shared' : 'confirmed');
  }
}
