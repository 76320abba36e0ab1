import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { Ids } from '../../platform/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { Vault } from '../../vault/vault.ts';
import { requireClaim } from '../claim-lost-error.ts';
import { ConnectionLeases } from '../connection-leases.ts';
import { placeOf } from '../connection-place.ts';
import { credentialContext } from '../credentials/seal-contexts.ts';
import { requestVerificationOfRoots } from '../credentials/verification-request.repository.ts';
import type { ClaimId, ConnectionId } from '../ids.ts';
import type { CredentialFailure } from '../status/status-reason.ts';
import {
  type ClaimedTokenRevocation,
  claimDueTokenRevocations,
  claimTokenRevocationsOf,
  clearTokenRevocationFailure,
  deleteClaimedTokenRevocation,
  findConnectionServedBy,
  postponeTokenRevocation,
  updateTokenRevocationFailure,
} from './token-revocation.repository.ts';

/** Longest lifetime of a lease. */
const MAX_LEASE_SECONDS = HOUR_SECONDS;
/** How often to check whether a token to revoke still serves another connection. */
const IN_USE_INTERVAL_SECONDS = HOUR_SECONDS;
/** How often to check whether a standby has the token that replaced it, and for how long. */
const STANDBY_INTERVAL_SECONDS = 60;
const MAX_STANDBY_WAIT_SECONDS = HOUR_SECONDS;

/** Why a token is not revoked yet, as shown on its credential in the API. */
export type TokenRevocationFailure = Omit<CredentialFailure, 'attempts' | 'next_attempt_at'>;

/** What the revocation of a token must wait for. */
export type TokenRevocationObstacle = { kind: 'in_use' | 'leased' | 'unconfirmed'; until: Date };

/** Tokens that no longer serve and that Meta has yet to revoke. Kept sealed only for that purpose. */
@Injectable()
export class TokenRevocationService {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly audit: AuditLog,
    private readonly leases: ConnectionLeases,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Claims a connection's revocations that need not wait, regardless of back-off. */
  async claimOf(connectionId: ConnectionId, claimSeconds: number): Promise<ClaimedTokenRevocation[]> {
    return claimTokenRevocationsOf(this.database, { ...this.newClaim(claimSeconds), connectionId });
  }

  /** Claims due revocations, longest due first. */
  async claimDue(limit: number, claimSeconds: number): Promise<ClaimedTokenRevocation[]> {
    return claimDueTokenRevocations(this.database, { ...this.newClaim(claimSeconds), limit });
  }

  /**
   * `in_use`: the same token serves a connection, which must keep it. `leased`: handed out by a lease in token mode.
   * `unconfirmed`: no standby has its successor, which a failover would lose.
   */
  async findObstacle(revocation: ClaimedTokenRevocation): Promise<TokenRevocationObstacle | null> {
    const now = this.clock.now();
    if ((await findConnectionServedBy(this.database, revocation.tokenHash)) !== null)
      return { kind: 'in_use', until: addSeconds(now, IN_USE_INTERVAL_SECONDS) };
    if (await this.mayLoseSuccessor(revocation, now))
      return { kind: 'unconfirmed', until: addSeconds(now, STANDBY_INTERVAL_SECONDS) };
    if (!revocation.waitsForLeases) return null;
    const leasedUntil = await this.leases.tokenLeasesEndAt(this.database, revocation, now);
    const longest = addSeconds(revocation.createdAt, MAX_LEASE_SECONDS);
    if (leasedUntil === null || longest <= now) return null;
    return { kind: 'leased', until: leasedUntil < longest ? leasedUntil : longest };
  }

  /** Opens the token; null: gone. Throws `DecryptionError`. */
  async open(revocation: ClaimedTokenRevocation): Promise<SecretString | null> {
    return this.vault.get(this.database, revocation.secretId, credentialContext(revocation));
  }

  /** Destroys our copy after Meta confirmed that the token is dead. Throws `ClaimLostError`. */
  async finish(revocation: ClaimedTokenRevocation, actor: Actor): Promise<void> {
    const { secretId, claimId, credentialId, version, kind, attempts } = revocation;
    const now = this.clock.now();
    await this.database.transaction(async (tx) => {
      // A connection made with this token while Meta was revoking it has lost it: have the next sweep inspect it.
      const served = await findConnectionServedBy(tx, revocation.tokenHash);
      if (served !== null) await requestVerificationOfRoots(tx, [served], now);
      const deleted = await deleteClaimedTokenRevocation(tx, { secretId, claimId });
      if (deleted === 0 && served !== null) return;
      requireClaim(deleted, `revocation of ${credentialId}/${version}`);
      await this.vault.destroy(tx, [secretId]);
      await clearTokenRevocationFailure(tx, { credentialId, code: NOT_REVOKED, now });
      await this.audit.record(tx, {
        ...placeOf(revocation),
        action: 'credential.token_revoked',
        actor,
        subjectId: credentialId,
        details: { kind, version, attempts: attempts + 1 },
      });
    });
  }

  /** Tries again at `nextAttemptAt`. `failure`: shown on the credential; null: nothing failed, it just waits. */
  async postpone(
    revocation: ClaimedTokenRevocation,
    nextAttemptAt: Date,
    failure: TokenRevocationFailure | null,
  ): Promise<void> {
    const now = this.clock.now();
    const { secretId, claimId, credentialId } = revocation;
    await this.database.transaction(async (tx) => {
      await postponeTokenRevocation(tx, { secretId, claimId, nextAttemptAt, hasFailed: failure !== null, now });
      if (failure === null) return;
      const shown: CredentialFailure = {
        ...failure,
        attempts: revocation.attempts + 1,
        next_attempt_at: nextAttemptAt.toISOString(),
      };
      await updateTokenRevocationFailure(tx, { credentialId, code: NOT_REVOKED, failure: JSON.stringify(shown), now });
    });
  }

  /** A standby that lags for an hour must not keep old tokens alive. */
  private async mayLoseSuccessor({ createdAt }: ClaimedTokenRevocation, now: Date): Promise<boolean> {
    if (addSeconds(createdAt, MAX_STANDBY_WAIT_SECONDS) <= now) return false;
    const { confirmation } = await this.database.standby.confirm(async () => undefined);
    return confirmation.durability === 'primary' && confirmation.isStandbyExpected;
  }

  private newClaim(claimSeconds: number): { claimId: ClaimId; claimedUntil: Date; now: Date } {
    const now = this.clock.now();
    return { claimId: this.ids.next('clm'), claimedUntil: addSeconds(now, claimSeconds), now };
  }
}

/** Failure code of a credential whose earlier token is not revoked yet. */
export const NOT_REVOKED = 'old_token_not_revoked';
