import { Injectable } from '@nestjs/common';
import { ClaimLost } from '../../connections/authorization/pending-authorization.repository.ts';
import { CredentialClaims } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomes } from '../../connections/credentials/credential-outcome.repository.ts';
import { MINIMUM_AGE_SECONDS } from '../../connections/credentials/credential-schedule.ts';
import type { ClaimedCredential, PendingVersion } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersions } from '../../connections/credentials/credential-version.repository.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { InspectionApi } from '../../meta/tokens/inspection-api.ts';
import type { DeadInspection, InspectionResult } from '../../meta/tokens/inspection-result.ts';
import { type ExchangeableKind, type GrantedToken, OAuthApi } from '../../meta/tokens/oauth-api.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { SealBroken } from '../../vault/sealed-secret.ts';
import { type Failure, failureOf, later } from '../failures/attempt-failure.ts';
import { SettleFailure } from '../failures/failure-recorder.ts';
import { AppPace, PaceStopped, type Urgency } from '../rate-limit/app-rate-limiter.ts';
import { judgeAnswer } from './validate-refreshed-token.ts';

/**
 * `refreshed`: a new version serves. `failed`: recorded on the credential. `dead`: a confirmed verdict. `not_due`: nothing that could be
 * renewed now. `stopped`: the app's pace does not allow it, the claim was given back. `lost`: somebody else's by now.
 */
export type RenewalOutcome = 'refreshed' | 'failed' | 'dead' | 'not_due' | 'stopped' | 'lost';

/** Renews what is exchanged for itself: users, system users, Instagram, Threads. The stages are in ARCHITECTURE.md, "A renewal". */
@Injectable()
export class RenewCredential {
  constructor(
    private readonly claims: CredentialClaims,
    private readonly versions: CredentialVersions,
    private readonly outcomes: CredentialOutcomes,
    private readonly oauth: OAuthApi,
    private readonly inspections: InspectionApi,
    private readonly pace: AppPace,
    private readonly settle: SettleFailure,
    private readonly clock: Clock,
  ) {}

  /** Works on a claimed credential to the end of its claim. Throws only what is neither Meta's nor the credential's fault. */
  async renew(credential: ClaimedCredential, urgency: Urgency): Promise<RenewalOutcome> {
    try {
      return await this.work(credential, urgency);
    } catch (error) {
      if (error instanceof ClaimLost) return 'lost';
      if (error instanceof PaceStopped) return this.stop(credential, urgency, error);
      if (error instanceof SealBroken) return this.fail(credential, SEAL_BROKEN);
      if (error instanceof MetaError) return this.fail(credential, failureOf(error));
      throw error;
    }
  }

  private async work(credential: ClaimedCredential, urgency: Urgency): Promise<RenewalOutcome> {
    if (credential.kind === 'page' || credential.status === 'revoked') return this.notDue(credential);
    const serving = await this.versions.openServing(credential);
    if (serving === null) return this.notDue(credential);
    if (credential.pending !== null) return this.verify(credential, credential.pending, serving, urgency);
    if (!isRenewable(credential)) return this.notDue(credential);
    const youngUntil = oldEnoughAt(credential);
    if (youngUntil > this.clock.now()) return this.fail(credential, TOO_YOUNG, youngUntil);
    return this.exchange(credential, credential.kind, serving, urgency);
  }

  private async exchange(
    credential: ClaimedCredential,
    kind: ExchangeableKind,
    serving: SecretString,
    urgency: Urgency,
  ): Promise<RenewalOutcome> {
    let granted: GrantedToken;
    try {
      granted = await this.pace.call(credential.appId, urgency, () => this.oauth.renew(kind, serving));
    } catch (error) {
      if (!(error instanceof MetaError)) throw error;
      return this.refused(credential, serving, urgency, error);
    }
    const told = {
      expiresAt: granted.expiresAt === 'unknown' ? null : granted.expiresAt,
      scopes: granted.scopes ?? null,
    };
    await this.versions.storePending(credential, granted.accessToken, told);
    const pending = { version: credential.version + 1, sealed: null, ...told };
    return this.judge(credential, pending, granted.accessToken, serving, urgency);
  }

  /** After a crash or a take-over: what Meta gave already is inspected, not exchanged again. */
  private async verify(
    credential: ClaimedCredential,
    pending: PendingVersion,
    serving: SecretString,
    urgency: Urgency,
  ): Promise<RenewalOutcome> {
    let token: SecretString;
    try {
      token = await this.versions.openPending(credential, pending);
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      // Nobody can ever use it: make room for a fresh answer.
      await this.versions.discardPending(credential);
      return this.fail(credential, SEAL_BROKEN);
    }
    return this.judge(credential, pending, token, serving, urgency);
  }

  private async judge(
    credential: ClaimedCredential,
    pending: PendingVersion,
    token: SecretString,
    serving: SecretString,
    urgency: Urgency,
  ): Promise<RenewalOutcome> {
    const inspection = await this.inspect(credential, token, urgency);
    const sameToken = this.versions.sameToken(token, serving);
    const facts = { old: credential, pending, sameToken, isForced: urgency === 'forced', inspection };
    let judgement = judgeAnswer(facts);
    if (judgement.kind === 'ask_old_token') {
      const old = await this.inspect(credential, serving, urgency);
      judgement = judgeAnswer({ ...facts, oldScopesNow: old.valid ? (old.scopes ?? credential.scopes) : null });
    }
    if (judgement.kind === 'promote') {
      await this.versions.promote(credential, judgement.version);
      return 'refreshed';
    }
    await this.versions.discardPending(credential);
    if (facts.sameToken && !inspection.valid && inspection.reason === 'dead')
      return this.buried(credential, inspection);
    return judgement.kind === 'reject' ? this.fail(credential, later(judgement.code, judgement.detail)) : 'failed';
  }

  /** Meta did not renew. What it said of the token counts as it is only where it is confirmed; a suspicion is inspected. */
  private async refused(
    credential: ClaimedCredential,
    serving: SecretString,
    urgency: Urgency,
    error: MetaError,
  ): Promise<RenewalOutcome> {
    const { verdict } = error;
    if (verdict.kind === 'dead') return this.buried(credential, { verdict, meta: error.cause });
    if (verdict.kind === 'suspect') {
      const inspection = await this.inspect(credential, serving, urgency);
      if (!inspection.valid && inspection.reason === 'dead') return this.buried(credential, inspection);
    }
    return this.fail(credential, failureOf(error));
  }

  private inspect(credential: ClaimedCredential, token: SecretString, urgency: Urgency): Promise<InspectionResult> {
    return this.pace.call(credential.appId, urgency, () => this.inspections.inspect(credential.kind, token));
  }

  private async buried(
    credential: ClaimedCredential,
    { verdict, meta }: Pick<DeadInspection, 'verdict' | 'meta'>,
  ): Promise<RenewalOutcome> {
    return (await this.settle.dead(credential, verdict.reason, meta)) ? 'dead' : 'lost';
  }

  private async fail(
    credential: ClaimedCredential,
    failure: Failure,
    notBefore: Date | null = null,
  ): Promise<RenewalOutcome> {
    try {
      await this.settle.refresh(credential, failure, notBefore);
    } catch (error) {
      if (error instanceof ClaimLost) return 'lost';
      throw error;
    }
    return 'failed';
  }

  private async stop(credential: ClaimedCredential, urgency: Urgency, stopped: PaceStopped): Promise<RenewalOutcome> {
    if (urgency === 'forced') return this.fail(credential, circuitOpen(stopped), stopped.until);
    await this.claims.release([credential]);
    return 'stopped';
  }

  private async notDue(credential: ClaimedCredential): Promise<RenewalOutcome> {
    await this.outcomes.notDue(credential);
    return 'not_due';
  }
}

/** Shown where a person asked and Meta may not be asked: no attempt was made. */
export function circuitOpen(stopped: PaceStopped): Failure {
  return {
    code: 'circuit_open',
    detail: 'Meta is down at the moment, so it was not asked.',
    patience: 'soon',
    retryAfterSeconds: null,
    ...(stopped.reason === 'unavailable'
      ? {}
      : { detail: 'Meta limits the calls of our app at the moment, so it was not asked.' }),
  };
}

export const SEAL_BROKEN: Failure = later(
  'seal_broken',
  'The stored token does not open: it was changed, moved, or is under another key. Restore it from a backup, or connect again.',
);

const TOO_YOUNG: Failure = later('too_young', 'Instagram and Threads renew no token that is younger than 24 hours.');

/** Whether there is anything to renew: tokens without an end are not, page tokens are derived. */
export function isRenewable(
  credential: Pick<ClaimedCredential, 'kind' | 'expiresAt'>,
): credential is ClaimedCredential & { kind: ExchangeableKind } {
  switch (credential.kind) {
    case 'page':
      return false;
    case 'user':
    case 'system_user':
      return credential.expiresAt !== null;
    case 'instagram_user':
    case 'threads_user':
      return true;
  }
}

/** From when on Meta renews it at all. */
export function oldEnoughAt(credential: Pick<ClaimedCredential, 'kind' | 'issuedAt' | 'storedAt'>): Date {
  const since = credential.issuedAt ?? credential.storedAt;
  const aged = credential.kind === 'instagram_user' || credential.kind === 'threads_user';
  return aged ? addSeconds(since, MINIMUM_AGE_SECONDS) : since;
}
