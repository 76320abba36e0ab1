import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { ClaimLost } from '../../connections/authorization/pending-authorization.repository.ts';
import { ConnectionVerdicts } from '../../connections/connection/connection-status.service.ts';
import { CredentialClaims } from '../../connections/credentials/credential-claim.repository.ts';
import type { Health } from '../../connections/credentials/credential-kind.ts';
import { CredentialOutcomes } from '../../connections/credentials/credential-outcome.repository.ts';
import { refreshAfter } from '../../connections/credentials/credential-schedule.ts';
import type { ClaimedCredential } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersions } from '../../connections/credentials/credential-version.repository.ts';
import { missingScopesOfToken } from '../../meta/dialog/product-scopes.ts';
import { InspectionApi, type InspectionItem } from '../../meta/tokens/inspection-api.ts';
import type { Inspection, InspectionResult } from '../../meta/tokens/inspection-result.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { SealBroken } from '../../vault/sealed-secret.ts';
import { type Failure, failureOf, later } from '../failures/attempt-failure.ts';
import { SettleFailure } from '../failures/failure-recorder.ts';
import { AppPace, PaceStopped, type Urgency } from '../rate-limit/app-rate-limiter.ts';
import { circuitOpen, SEAL_BROKEN } from '../refresh/token-refresher.ts';

/** As for renewals; `alive` and `to_be_derived` (a dead page token whose user token lives) are good ends. */
export type CheckOutcome = 'alive' | 'dead' | 'to_be_derived' | 'failed' | 'stopped' | 'lost';

/** Asks Meta whether tokens live (CONTRACT 6.1, once a day each), and writes down what it says. */
@Injectable()
export class CheckCredential {
  constructor(
    private readonly claims: CredentialClaims,
    private readonly versions: CredentialVersions,
    private readonly outcomes: CredentialOutcomes,
    private readonly verdicts: ConnectionVerdicts,
    private readonly inspections: InspectionApi,
    private readonly pace: AppPace,
    private readonly settle: SettleFailure,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /** Works on claimed credentials of one app, up to fifty: one batch at Meta where it can be. Outcomes in their order. */
  async check(credentials: ClaimedCredential[], urgency: Urgency): Promise<CheckOutcome[]> {
    const appId = credentials[0]?.appId ?? '';
    try {
      await this.pace.pass(appId, urgency);
    } catch (error) {
      if (!(error instanceof PaceStopped)) throw error;
      return this.stop(credentials, urgency, error);
    }
    const opened = await Promise.all(credentials.map((credential) => this.open(credential)));
    const readable = opened.flatMap(({ credential, token }) => (token === null ? [] : [{ credential, token }]));
    const items = await this.inspections.inspectMany(
      readable.map(({ credential, token }) => ({ kind: credential.kind, token })),
    );
    await this.learn(appId, items);
    const answers = new Map(readable.map(({ credential }, index) => [credential.id, items[index] ?? MISSING]));
    return Promise.all(credentials.map((credential) => this.settleOne(credential, answers.get(credential.id) ?? null)));
  }

  private async open(
    credential: ClaimedCredential,
  ): Promise<{ credential: ClaimedCredential; token: SecretString | null }> {
    try {
      return { credential, token: await this.versions.openServing(credential) };
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      return { credential, token: null };
    }
  }

  private learn(appId: string, items: readonly InspectionItem[]): Promise<void> {
    const errors = items.flatMap((item) => (item.outcome === 'failed' ? [item.error] : []));
    return this.pace.learn(appId, errors, items.filter((item) => item.outcome === 'inspected').length);
  }

  /** Null: the token could not be read. */
  private async settleOne(credential: ClaimedCredential, item: InspectionItem | null): Promise<CheckOutcome> {
    try {
      if (item === null) {
        return await this.fail(credential, credential.sealed === null ? DESTROYED : SEAL_BROKEN);
      }
      if (item.outcome === 'missing') return await this.fail(credential, LEFT_OUT);
      if (item.outcome === 'failed') return await this.fail(credential, failureOf(item.error));
      return await this.conclude(credential, item.result);
    } catch (error) {
      if (error instanceof ClaimLost) return 'lost';
      throw error;
    }
  }

  /** What one inspection of the serving version means for the credential and its connection. */
  private async conclude(credential: ClaimedCredential, result: InspectionResult): Promise<CheckOutcome> {
    if (result.valid) return this.alive(credential, result);
    if (result.reason !== 'dead') return this.fail(credential, FOREIGN);
    if (credential.isRoot) {
      return (await this.settle.dead(credential, result.verdict.reason, result.meta)) ? 'dead' : 'lost';
    }
    await this.outcomes.pageToBeDerived(credential);
    return 'to_be_derived';
  }

  private async alive(credential: ClaimedCredential, inspection: Inspection): Promise<CheckOutcome> {
    const now = this.clock.now();
    const expiresAt = inspection.expiresAt === 'unknown' ? credential.expiresAt : inspection.expiresAt;
    const issuedAt = inspection.issuedAt ?? credential.issuedAt;
    const life = { kind: credential.kind, issuedAt, storedAt: credential.storedAt, expiresAt };
    const ofFacebook = credential.kind !== 'instagram_user' && credential.kind !== 'threads_user';
    const dataAccess = ofFacebook && credential.isRoot ? { dataAccessExpiresAt: inspection.dataAccessExpiresAt } : {};
    const ended = inspection.dataAccessExpiresAt !== null && inspection.dataAccessExpiresAt <= now;
    const recovers = credential.isRoot && credential.status === 'reauth_required' && !ended;
    if (recovers) await this.verdicts.recovered(credential);
    await this.outcomes.checked(credential, {
      health: this.healthBy(expiresAt, credential.isRoot ? inspection.dataAccessExpiresAt : null, now),
      expiresAt,
      issuedAt,
      ...(inspection.scopes === null
        ? {}
        : {
            scopes: inspection.scopes,
            missingScopes: missingScopesOfToken(credential.product, credential.kind, inspection.scopes),
          }),
      ...(credential.kind === 'page' || credential.status === 'reauth_required'
        ? {}
        : { refreshAfter: refreshAfter(life, this.config.refreshBeforeExpirySeconds) }),
      ...dataAccess,
      ...(inspection.appScopedUserId === undefined ? {} : { appScopedUserId: inspection.appScopedUserId }),
    });
    return 'alive';
  }

  private healthBy(expiresAt: Date | null, dataAccessExpiresAt: Date | null, now: Date): Health {
    const window = addSeconds(now, this.config.refreshBeforeExpirySeconds);
    const ends = [expiresAt, dataAccessExpiresAt].filter((end) => end !== null);
    return ends.some((end) => end <= window) ? 'expiring' : 'healthy';
  }

  private async fail(credential: ClaimedCredential, failure: Failure): Promise<CheckOutcome> {
    await this.settle.check(credential, failure);
    return 'failed';
  }

  private async stop(
    credentials: ClaimedCredential[],
    urgency: Urgency,
    stopped: PaceStopped,
  ): Promise<CheckOutcome[]> {
    if (urgency === 'forced') {
      return Promise.all(credentials.map((credential) => this.settleForced(credential, circuitOpen(stopped))));
    }
    await this.claims.release(credentials);
    return credentials.map(() => 'stopped');
  }

  private async settleForced(credential: ClaimedCredential, failure: Failure): Promise<CheckOutcome> {
    try {
      return await this.fail(credential, failure);
    } catch (error) {
      if (error instanceof ClaimLost) return 'lost';
      throw error;
    }
  }
}

const MISSING: InspectionItem = { outcome: 'missing' };
const DESTROYED = later('check_failed', 'The token has been destroyed.');
const FOREIGN = later('check_failed', 'Meta says that the token does not belong to the app that is configured now.');
const LEFT_OUT: Failure = {
  code: 'check_failed',
  detail: 'Meta left the token out of its answer.',
  patience: 'soon',
  retryAfterSeconds: null,
};
