import { Injectable } from '@nestjs/common';
import { type Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { Vault } from '../../vault/vault.ts';
import { lockMetaUser } from '../authorization/meta-user-lock.repository.ts';
import { requireClaim } from '../claim-lost-error.ts';
import { placeOf } from '../connection-place.ts';
import { clearCredentialSecrets } from '../credentials/credential.repository.ts';
import { credentialContext } from '../credentials/seal-contexts.ts';
import { requestVerificationOfMetaUser } from '../credentials/verification-request.repository.ts';
import type { ClaimId, ConnectionId } from '../ids.ts';
import type { ProviderRevocationStatus } from '../status/connection-status.ts';
import {
  confirmSharedRevocations,
  findProviderRevocation,
  hasLiveSibling,
  updateProviderRevocation,
} from './connection-revocation.repository.ts';
import {
  type ClaimedRevocation,
  claimDueProviderRevocations,
  claimProviderRevocation,
  deleteClaimedRevocation,
  postponeProviderRevocation,
} from './provider-revocation.repository.ts';

/** Revocations Meta has not confirmed yet: the token kept for each, and how they end. */
@Injectable()
export class PendingRevocationService {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /**
   * Claims a connection's revocation, regardless of back-off. Null: none is pending, or another replica has claimed it.
   */
  async claimOne(connectionId: ConnectionId, claimSeconds: number): Promise<ClaimedRevocation | null> {
    return claimProviderRevocation(this.database, { ...this.newClaim(claimSeconds), connectionId });
  }

  /** Claims due revocations, longest due first. */
  async claimDue(limit: number, claimSeconds: number): Promise<ClaimedRevocation[]> {
    return claimDueProviderRevocations(this.database, { ...this.newClaim(claimSeconds), limit });
  }

  /** Opens the kept token; null: gone. Throws `DecryptionError`. */
  async open(revocation: ClaimedRevocation): Promise<SecretString | null> {
    if (revocation.secretId === null) return null;
    return this.vault.get(this.database, revocation.secretId, credentialContext(revocation));
  }

  /**
   * Whether the user's grant is in use again. If so, Meta must not revoke it: destroys the kept token and marks the
   * revocation `shared`, to end with the last live connection. Decided under the lock that connecting takes. Throws
   * `ClaimLostError`.
   */
  async finishIfShared(revocation: ClaimedRevocation): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await lockMetaUser(tx, revocation.appId, revocation.metaUserId);
      if (!(await hasLiveSibling(tx, revocation.connectionId, revocation))) return false;
      await this.end(tx, revocation, 'shared');
      return true;
    });
  }

  /**
   * Records that the grant is gone, here and for connections that shared it, or that Meta can't revoke this kind.
   * Throws `ClaimLostError`.
   */
  async finish(revocation: ClaimedRevocation, outcome: 'confirmed' | 'not_supported', actor: Actor): Promise<void> {
    const { appId, metaUserId } = revocation;
    await this.database.transaction(async (tx) => {
      await lockMetaUser(tx, appId, metaUserId);
      await this.end(tx, revocation, outcome);
      // If another connection depends on the grant again, they stay `shared`.
      if (outcome === 'confirmed' && !(await hasLiveSibling(tx, revocation.connectionId, revocation)))
        await confirmSharedRevocations(tx, revocation, this.clock.now());
      // A connection made while Meta was revoking has lost its grant too: have the next sweep inspect it.
      await requestVerificationOfMetaUser(tx, appId, metaUserId, this.clock.now());
      await this.audit.record(tx, {
        action: outcome === 'confirmed' ? 'revocation.confirmed' : 'revocation.not_supported',
        actor,
        ...placeOf(revocation),
        details: { attempts: revocation.attempts + 1, kind: revocation.kind },
      });
    });
  }

  /** Tries again at `nextAttemptAt`, because Meta could not be asked. */
  async postpone({ connectionId, claimId }: ClaimedRevocation, nextAttemptAt: Date): Promise<void> {
    await postponeProviderRevocation(this.database, { connectionId, claimId, nextAttemptAt, now: this.clock.now() });
  }

  /** The status of a connection's revocation at Meta. */
  async getStatus(connectionId: ConnectionId): Promise<ProviderRevocationStatus | null> {
    return findProviderRevocation(this.database, connectionId);
  }

  private async end(tx: Transaction, revocation: ClaimedRevocation, outcome: ProviderRevocationStatus): Promise<void> {
    const { connectionId, claimId, secretId } = revocation;
    requireClaim(await deleteClaimedRevocation(tx, { connectionId, claimId }), `revocation of ${connectionId}`);
    if (secretId !== null) await this.vault.destroy(tx, [secretId]);
    await clearCredentialSecrets(tx, connectionId);
    await updateProviderRevocation(tx, connectionId, outcome, this.clock.now());
  }

  private newClaim(claimSeconds: number): { claimId: ClaimId; claimedUntil: Date; now: Date } {
    const now = this.clock.now();
    return { claimId: this.ids.next('clm'), claimedUntil: addSeconds(now, claimSeconds), now };
  }
}
