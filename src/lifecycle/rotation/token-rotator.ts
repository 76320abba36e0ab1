import { Injectable } from '@nestjs/common';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from '../../connections/credentials/credential-outcome.service.ts';
import type { ClaimedCredential, PendingVersion } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { GrantedToken } from '../../meta/tokens/granted-token.ts';
import type { DeadTokenInspection, InspectionResult } from '../../meta/tokens/inspection-result.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import {
  type AttemptFailure,
  circuitOpenFailure,
  DECRYPTION_FAILED,
  failLater,
  toAttemptFailure,
} from '../failures/attempt-failure.ts';
import { FAILURES } from '../failures/failure-codes.ts';
import { FailureRecorder } from '../failures/failure-recorder.ts';
import { isUnrelatedToToken, RefusalInspector } from '../inspection/refusal-inspector.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from '../rate-limit/app-rate-limiter.ts';
import { RefreshedTokenPromoter } from '../refresh/refreshed-token-promoter.ts';
import type { RefreshOutcome } from '../refresh/token-refresher.ts';
import { isRotatable, rotationTerms } from './rotation-plan.ts';
import { toRotationFailure } from './rotation-refusal.ts';

/**
 * Rotates tokens of system users: generate, seal, inspect, promote. Promotion records that `TokenRevoker` must revoke
 * the old token.
 */
@Injectable()
export class TokenRotator {
  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly outcomes: CredentialOutcomeService,
    private readonly meta: MetaClients,
    private readonly promoter: RefreshedTokenPromoter,
    private readonly rateLimiter: AppRateLimiter,
    private readonly failureRecorder: FailureRecorder,
    private readonly refusals: RefusalInspector,
  ) {}

  /**
   * Rotates a claimed credential and ends its claim; `refreshed` means rotated. Throws only errors that neither Meta
   * nor the credential caused.
   */
  async rotate(credential: ClaimedCredential, urgency: Urgency): Promise<RefreshOutcome> {
    const progress = { isPending: credential.pending !== null };
    try {
      return await this.work(credential, urgency, progress);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      if (error instanceof CallNotPermittedError) return this.handleStopped(credential, urgency, progress, error);
      if (error instanceof DecryptionError) return this.fail(credential, DECRYPTION_FAILED, progress);
      if (error instanceof MetaError) return this.fail(credential, toAttemptFailure(error), progress);
      throw error;
    }
  }

  private async work(credential: ClaimedCredential, urgency: Urgency, progress: Progress): Promise<RefreshOutcome> {
    if (!isRotatable(credential) || credential.status !== 'active') return this.recordNotDue(credential);
    const serving = await this.versions.openCurrent(credential);
    if (serving === null) return this.recordNotDue(credential);
    if (credential.pending !== null) return this.verify(credential, credential.pending, serving, urgency, progress);
    return this.generate(credential, serving, urgency, progress);
  }

  private async generate(
    credential: ClaimedCredential,
    serving: SecretString,
    urgency: Urgency,
    progress: Progress,
  ): Promise<RefreshOutcome> {
    // The new token is requested with the current scopes, and a dead token can't request one.
    const inspection = await this.promoter.inspect(credential, serving, urgency);
    if (!inspection.valid) {
      return inspection.reason === 'dead'
        ? this.markDead(credential, inspection)
        : this.fail(credential, FOREIGN_APP, progress);
    }
    let granted: GrantedToken;
    try {
      granted = await this.rateLimiter.call(credential.appId, urgency, () =>
        this.meta.call(credential.appId, ({ systemUsers }) =>
          systemUsers.generateToken({
            token: serving,
            systemUserId: credential.subjectId,
            scopes: inspection.scopes ?? credential.scopes,
            expiresIn60Days: rotationTerms(credential).mayExpire,
          }),
        ),
      );
    } catch (error) {
      if (!(error instanceof MetaError)) throw error;
      return this.handleRefusal(credential, serving, urgency, progress, error);
    }
    if (this.versions.isSameToken(granted.accessToken, serving)) return this.fail(credential, SAME_TOKEN, progress);
    const reported = {
      expiresAt: granted.expiresAt === 'unknown' ? null : granted.expiresAt,
      scopes: granted.scopes ?? null,
    };
    await this.store(credential, granted.accessToken, reported);
    progress.isPending = true;
    const current = withScopesOf(credential, inspection);
    return this.validateAndPromote(current, reported, granted.accessToken, serving, urgency, progress);
  }

  /** Commits the new token before any other call to Meta. If the claim was lost, revokes it. */
  private async store(
    credential: ClaimedCredential,
    token: SecretString,
    reported: { expiresAt: Date | null; scopes: string[] | null },
  ): Promise<void> {
    try {
      await this.versions.storePending(credential, token, reported, 'rotation');
    } catch (error) {
      if (error instanceof ClaimLostError) await this.versions.revokeUnstored(credential, token);
      throw error;
    }
  }

  /** Continues after a crash or takeover: inspects the pending token and generates nothing. */
  private async verify(
    credential: ClaimedCredential,
    pending: PendingVersion,
    serving: SecretString,
    urgency: Urgency,
    progress: Progress,
  ): Promise<RefreshOutcome> {
    let token: SecretString;
    try {
      token = await this.versions.openPending(credential, pending);
    } catch (error) {
      if (!(error instanceof DecryptionError)) throw error;
      // Can't be decrypted, so it can be neither used nor revoked.
      await this.versions.discardPending(credential);
      progress.isPending = false;
      return this.fail(credential, DECRYPTION_FAILED, progress);
    }
    const current = withScopesOf(credential, await this.promoter.inspect(credential, serving, urgency));
    return this.validateAndPromote(current, pending, token, serving, urgency, progress);
  }

  private async validateAndPromote(
    credential: ClaimedCredential,
    pending: Pick<PendingVersion, 'expiresAt' | 'scopes'>,
    token: SecretString,
    serving: SecretString,
    urgency: Urgency,
    progress: Progress,
  ): Promise<RefreshOutcome> {
    const rotation = rotationTerms(credential);
    const input = { credential, pending, token, serving, urgency, isForced: false, rotation };
    const result = await this.promoter.promote(input);
    if (result.kind === 'promoted') return 'refreshed';
    progress.isPending = false;
    return result.failure === null ? 'failed' : this.fail(credential, result.failure, progress);
  }

  /** Inspects the token if the refusal may be about it, whatever its code. */
  private async handleRefusal(
    credential: ClaimedCredential,
    serving: SecretString,
    urgency: Urgency,
    progress: Progress,
    error: MetaError,
  ): Promise<RefreshOutcome> {
    const { verdict } = error;
    if (verdict.kind === 'dead') return this.markDead(credential, { verdict, meta: error.cause });
    if (isUnrelatedToToken(error)) return this.fail(credential, toRotationFailure(error), progress);
    const finding = await this.refusals.inspect(credential, serving, urgency);
    if (finding.kind === 'dead') return this.markDead(credential, finding.death);
    const outcome = await this.fail(credential, toRotationFailure(error), progress);
    if (finding.kind === 'unknown') await this.outcomes.requestVerification(credential.id, credential.version);
    return outcome;
  }

  private async markDead(
    credential: ClaimedCredential,
    { verdict, meta }: Pick<DeadTokenInspection, 'verdict' | 'meta'>,
  ): Promise<RefreshOutcome> {
    return (await this.failureRecorder.recordDeath(credential, verdict.reason, meta)) ? 'dead' : 'lost';
  }

  private async fail(
    credential: ClaimedCredential,
    failure: AttemptFailure,
    progress: Progress,
  ): Promise<RefreshOutcome> {
    try {
      await this.failureRecorder.recordRotationFailure(credential, failure, progress);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      throw error;
    }
    return 'failed';
  }

  private async handleStopped(
    credential: ClaimedCredential,
    urgency: Urgency,
    progress: Progress,
    stopped: CallNotPermittedError,
  ): Promise<RefreshOutcome> {
    if (urgency === 'forced') return this.fail(credential, circuitOpenFailure(stopped), progress);
    await this.claims.release([credential]);
    return 'stopped';
  }

  private async recordNotDue(credential: ClaimedCredential): Promise<RefreshOutcome> {
    await this.outcomes.recordNotDue(credential);
    return 'not_due';
  }
}

/** Whether a generated token has not been inspected yet. */
interface Progress {
  isPending: boolean;
}

/** Returns the credential with its current scopes, which the new token must have. */
function withScopesOf(credential: ClaimedCredential, inspection: InspectionResult): ClaimedCredential {
  const scopesNow = inspection.valid ? (inspection.scopes ?? []) : [];
  return { ...credential, scopes: [...new Set([...credential.scopes, ...scopesNow])] };
}

const SAME_TOKEN: AttemptFailure = failLater('rotation_same_token', FAILURES.rotation_same_token.detail);
const FOREIGN_APP: AttemptFailure = failLater(
  'rotation_refused',
  'Meta says that the token does not belong to the configured app, so it cannot be rotated.',
);
