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

/** The longest that a lease lives. */
const MAX_LEASE_SECONDS = HOUR_SECONDS;
/** How often it is looked whether a token that is to be revoked still serves another connection. */
const IN_USE_INTERVAL_SECONDS = HOUR_SECONDS;

/** Why a token is not revoked yet, as the API shows it on the credential that it was of. */
export type TokenRevocationFailure = Omit<CredentialFailure, 'attempts' | 'next_attempt_at'>;

/** What a token that is to be revoked has to wait for. */
export type TokenRevocationObstacle = { kind: 'in_use' | 'leased'; until: Date };

/** Tokens that serve no more and that Meta has still to be asked to revoke: kept sealed for that, and for nothing else. */
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

  /** Claims those of one connection that need not wait, whatever their back-off. */
  async claimOf(connectionId: ConnectionId, claimSeconds: number): Promise<ClaimedTokenRevocation[]> {
    return claimTokenRevocationsOf(this.database, { ...this.newClaim(claimSeconds), connectionId });
  }

  /** Claims those that are due, the longest due first. */
  async claimDue(limit: number, claimSeconds: number): Promise<ClaimedTokenRevocation[]> {
    return claimDueTokenRevocations(this.database, { ...this.newClaim(claimSeconds), limit });
  }

  /** `in_use`: the same token serves a connection, which must not lose it. `leased`: somebody holds it by a lease in token mode. */
  async findObstacle(revocation: ClaimedTokenRevocation): Promise<TokenRevocationObstacle | null> {
    const now = this.clock.now();
    if ((await findConnectionServedBy(this.database, revocation.tokenHash)) !== null)
      return { kind: 'in_use', until: addSeconds(now, IN_USE_INTERVAL_SECONDS) };
    if (!revocation.waitsForLeases) return null;
    const leasedUntil = await this.leases.tokenLeasesEndAt(this.database, revocation, now);
    const longest = addSeconds(revocation.createdAt, MAX_LEASE_SECONDS);
    if (leasedUntil === null || longest <= now) return null;
    return { kind: 'leased', until: leasedUntil < longest ? leasedUntil : longest };
  }

  /** The token. Throws `DecryptionError`; null where it is gone. */
  async open(revocation: ClaimedTokenRevocation): Promise<SecretString | null> {
    return this.vault.get(this.database, revocation.secretId, credentialContext(revocation));
  }

  /** Meta says that the token is dead: it is destroyed here. Throws `ClaimLostError`. */
  async finish(revocation: ClaimedTokenRevocation, actor: Actor): Promise<void> {
    const { secretId, claimId, credentialId, version, kind, attempts } = revocation;
    const now = this.clock.now();
    await this.database.transaction(async (tx) => {
      // Whoever connected with this token while Meta was revoking it has lost it by that: the next sweep inspects it.
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

  /** Not yet: again at `nextAttemptAt`. `failure`: shown on the credential. Null: nothing failed, it waits. */
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

  private newClaim(claimSeconds: number): { claimId: ClaimId; claimedUntil: Date; now: Date } {
    const now = this.clock.now();
    return { claimId: this.ids.next('clm'), claimedUntil: addSeconds(now, claimSeconds), now };
  }
}

/** The failure of a credential whose earlier token is not revoked yet. */
export const NOT_REVOKED = 'old_token_not_revoked';
