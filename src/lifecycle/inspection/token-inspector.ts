import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { ConnectionStatusService } from '../../connections/connection/connection-status.service.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { Health } from '../../connections/credentials/credential-kind.ts';
import { CredentialOutcomeService } from '../../connections/credentials/credential-outcome.service.ts';
import { computeRefreshAfter } from '../../connections/credentials/credential-schedule.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { missingScopesOfToken } from '../../meta/dialog/product-scopes.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { InspectionItem } from '../../meta/tokens/inspection-api.ts';
import type { InspectionResult, ValidInspection } from '../../meta/tokens/inspection-result.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import {
  type AttemptFailure,
  circuitOpenFailure,
  DECRYPTION_FAILED,
  failLater,
  toAttemptFailure,
} from '../failures/attempt-failure.ts';
import { FailureRecorder } from '../failures/failure-recorder.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from '../rate-limit/app-rate-limiter.ts';

/** As `RefreshOutcome`. `to_be_derived`: a dead page token with a valid user token. That and `alive` are successes. */
export type CheckOutcome = 'alive' | 'dead' | 'to_be_derived' | 'failed' | 'stopped' | 'lost';

/** Asks Meta whether tokens are valid, and records the results. */
@Injectable()
export class TokenInspector {
  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly outcomes: CredentialOutcomeService,
    private readonly connectionStatusService: ConnectionStatusService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
    private readonly failureRecorder: FailureRecorder,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /**
   * Inspects up to fifty claimed credentials of one app, in one batch if Meta allows it. Returns outcomes in the same
   * order.
   */
  async check(credentials: ClaimedCredential[], urgency: Urgency): Promise<CheckOutcome[]> {
    const appId = credentials[0]?.appId ?? '';
    try {
      await this.rateLimiter.acquire(appId, urgency);
    } catch (error) {
      if (!(error instanceof CallNotPermittedError)) throw error;
      return this.handleStopped(credentials, urgency, error);
    }
    const opened = await Promise.all(credentials.map((credential) => this.open(credential)));
    const readable = opened.flatMap(({ credential, token }) => (token === null ? [] : [{ credential, token }]));
    const tokens = readable.map(({ credential, token }) => ({ kind: credential.kind, token }));
    const items = await this.meta.call(appId, ({ inspection }) => inspection.inspectMany(tokens));
    await this.recordOutcomes(appId, items);
    const results = new Map(readable.map(({ credential }, index) => [credential.id, items[index] ?? MISSING]));
    return Promise.all(
      credentials.map((credential) => this.recordResult(credential, results.get(credential.id) ?? null)),
    );
  }

  private async open(
    credential: ClaimedCredential,
  ): Promise<{ credential: ClaimedCredential; token: SecretString | null }> {
    try {
      return { credential, token: await this.versions.openCurrent(credential) };
    } catch (error) {
      if (!(error instanceof DecryptionError)) throw error;
      return { credential, token: null };
    }
  }

  private recordOutcomes(appId: string, items: readonly InspectionItem[]): Promise<void> {
    const errors = items.flatMap((item) => (item.outcome === 'failed' ? [item.error] : []));
    return this.rateLimiter.recordOutcomes(appId, errors, items.filter((item) => item.outcome === 'inspected').length);
  }

  /** `item` null: the token can't be decrypted. */
  private async recordResult(credential: ClaimedCredential, item: InspectionItem | null): Promise<CheckOutcome> {
    try {
      if (item === null) {
        return await this.fail(credential, credential.sealed === null ? TOKEN_DESTROYED : DECRYPTION_FAILED);
      }
      if (item.outcome === 'missing') return await this.fail(credential, MISSING_FROM_RESPONSE);
      if (item.outcome === 'failed') return await this.fail(credential, toAttemptFailure(item.error));
      return await this.recordInspection(credential, item.result);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      throw error;
    }
  }

  /** Records an inspection of the serving version on the credential and its connection. */
  private async recordInspection(credential: ClaimedCredential, result: InspectionResult): Promise<CheckOutcome> {
    if (result.valid) return this.recordAlive(credential, result);
    if (result.reason !== 'dead') return this.fail(credential, FOREIGN_APP);
    if (credential.isRoot) {
      return (await this.failureRecorder.recordDeath(credential, result.verdict.reason, result.meta)) ? 'dead' : 'lost';
    }
    await this.outcomes.markPageForDerivation(credential);
    return 'to_be_derived';
  }

  private async recordAlive(credential: ClaimedCredential, inspection: ValidInspection): Promise<CheckOutcome> {
    const now = this.clock.now();
    const expiresAt = inspection.expiresAt === 'unknown' ? credential.expiresAt : inspection.expiresAt;
    const issuedAt = inspection.issuedAt ?? credential.issuedAt;
    const life = { kind: credential.kind, issuedAt, storedAt: credential.storedAt, expiresAt };
    const { reportsDataAccess, isDerived } = tokenKind(credential.kind);
    const dataAccess =
      reportsDataAccess && credential.isRoot ? { dataAccessExpiresAt: inspection.dataAccessExpiresAt } : {};
    const ended = inspection.dataAccessExpiresAt !== null && inspection.dataAccessExpiresAt <= now;
    const recovers = credential.isRoot && credential.status === 'reauth_required' && !ended;
    if (recovers) await this.connectionStatusService.markRecovered(credential);
    await this.outcomes.recordCheck(credential, {
      health: this.computeHealth(expiresAt, credential.isRoot ? inspection.dataAccessExpiresAt : null, now),
      expiresAt,
      issuedAt,
      ...(inspection.scopes === null
        ? {}
        : {
            scopes: inspection.scopes,
            missingScopes: missingScopesOfToken(credential.product, credential.kind, inspection.scopes),
          }),
      ...(isDerived || credential.status === 'reauth_required'
        ? {}
        : { refreshAfter: computeRefreshAfter(life, this.config) }),
      ...dataAccess,
      ...(inspection.appScopedUserId === undefined ? {} : { appScopedUserId: inspection.appScopedUserId }),
    });
    return 'alive';
  }

  private computeHealth(expiresAt: Date | null, dataAccessExpiresAt: Date | null, now: Date): Health {
    const window = addSeconds(now, this.config.refreshBeforeExpirySeconds);
    const ends = [expiresAt, dataAccessExpiresAt].filter((end) => end !== null);
    return ends.some((end) => end <= window) ? 'expiring' : 'healthy';
  }

  private async fail(credential: ClaimedCredential, failure: AttemptFailure): Promise<CheckOutcome> {
    await this.failureRecorder.recordCheckFailure(credential, failure);
    return 'failed';
  }

  private async handleStopped(
    credentials: ClaimedCredential[],
    urgency: Urgency,
    stopped: CallNotPermittedError,
  ): Promise<CheckOutcome[]> {
    if (urgency === 'forced') {
      return Promise.all(
        credentials.map((credential) => this.recordForcedFailure(credential, circuitOpenFailure(stopped))),
      );
    }
    await this.claims.release(credentials);
    return credentials.map(() => 'stopped');
  }

  private async recordForcedFailure(credential: ClaimedCredential, failure: AttemptFailure): Promise<CheckOutcome> {
    try {
      return await this.fail(credential, failure);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      throw error;
    }
  }
}

const MISSING: InspectionItem = { outcome: 'missing' };
const TOKEN_DESTROYED = failLater('check_failed', 'The token was destroyed.');
const FOREIGN_APP = failLater('check_failed', 'Meta says that the token does not belong to the configured app.');
const MISSING_FROM_RESPONSE: AttemptFailure = {
  code: 'check_failed',
  detail: "Meta's response does not contain the token.",
  retryClass: 'soon',
  retryAfterSeconds: null,
};
