import { Injectable } from '@nestjs/common';
import { ClaimLost } from '../../connections/authorization/pending-authorization.repository.ts';
import { CredentialClaims } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomes } from '../../connections/credentials/credential-outcome.repository.ts';
import type { ClaimedCredential, CredentialAtWork } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersions } from '../../connections/credentials/credential-version.repository.ts';
import { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { InspectionApi } from '../../meta/tokens/inspection-api.ts';
import type { InspectionResult } from '../../meta/tokens/inspection-result.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { SealBroken } from '../../vault/sealed-secret.ts';
import { type Failure, failureOf, later } from '../failures/attempt-failure.ts';
import { SettleFailure } from '../failures/failure-recorder.ts';
import { AppPace, PaceStopped, type Urgency } from '../rate-limit/app-rate-limiter.ts';
import { circuitOpen, type RenewalOutcome, SEAL_BROKEN } from './token-refresher.ts';
import { judgeAnswer } from './validate-refreshed-token.ts';

/** Page tokens are given again by their user token: `/me/accounts`, all pages of it, once for all pages of a connection that are due. */
@Injectable()
export class DerivePageTokens {
  constructor(
    private readonly claims: CredentialClaims,
    private readonly versions: CredentialVersions,
    private readonly outcomes: CredentialOutcomes,
    private readonly discovery: DiscoveryApi,
    private readonly inspections: InspectionApi,
    private readonly pace: AppPace,
    private readonly settle: SettleFailure,
  ) {}

  /** Works on claimed page credentials of one connection; how each ended. */
  async derive(pages: ClaimedCredential[], urgency: Urgency): Promise<RenewalOutcome[]> {
    const root = await this.claims.findRoot(pages[0]?.connectionId ?? '');
    if (root === null || root.status !== 'active' || root.kind !== 'user') {
      for (const page of pages) await this.outcomes.notDue(page);
      return pages.map(() => 'not_due' as const);
    }
    let tokens: Map<string, SecretString>;
    try {
      tokens = await this.tokensOf(root, pages, urgency);
    } catch (error) {
      return this.allEnd(pages, root, urgency, error);
    }
    const results: RenewalOutcome[] = [];
    for (const page of pages) results.push(await this.one(page, tokens.get(page.subjectId) ?? null, urgency));
    return results;
  }

  /** The fresh tokens of these pages. Pages with a pending version are in no need of one. */
  private async tokensOf(
    root: CredentialAtWork,
    pages: ClaimedCredential[],
    urgency: Urgency,
  ): Promise<Map<string, SecretString>> {
    const wanted = new Set(pages.filter((page) => page.pending === null).map((page) => page.subjectId));
    const tokens = new Map<string, SecretString>();
    if (wanted.size === 0) return tokens;
    const userToken = await this.versions.openServing(root);
    if (userToken === null) return tokens;
    await this.pace.call(root.appId, urgency, async () => {
      for await (const page of this.discovery.pages(userToken)) {
        if (page.accessToken !== null && wanted.has(page.id)) tokens.set(page.id, page.accessToken);
      }
    });
    return tokens;
  }

  /** The list could not be had: what that says of the user token is for its own check to tell, the pages wait. */
  private async allEnd(
    pages: ClaimedCredential[],
    root: CredentialAtWork,
    urgency: Urgency,
    error: unknown,
  ): Promise<RenewalOutcome[]> {
    if (error instanceof PaceStopped && urgency === 'scheduled') {
      await this.claims.release(pages);
      return pages.map(() => 'stopped' as const);
    }
    if (error instanceof MetaError && (error.verdict.kind === 'dead' || error.verdict.kind === 'suspect')) {
      await this.outcomes.doubted(root.id, root.version);
    }
    const failure = this.failureFor(error);
    if (failure === null) throw error;
    return Promise.all(pages.map((page) => this.fail(page, failure)));
  }

  private async one(page: ClaimedCredential, fresh: SecretString | null, urgency: Urgency): Promise<RenewalOutcome> {
    try {
      return await this.renew(page, fresh, urgency);
    } catch (error) {
      if (error instanceof ClaimLost) return 'lost';
      if (error instanceof PaceStopped && urgency === 'scheduled') {
        await this.claims.release([page]);
        return 'stopped';
      }
      const failure = this.failureFor(error);
      if (failure === null) throw error;
      return this.fail(page, failure);
    }
  }

  private async renew(page: ClaimedCredential, fresh: SecretString | null, urgency: Urgency): Promise<RenewalOutcome> {
    const serving = await this.versions.openServing(page).catch(() => null);
    if (page.pending !== null) {
      return this.judge(page, page.pending, await this.versions.openPending(page, page.pending), serving, urgency);
    }
    if (fresh === null) return this.missing(page, serving, urgency);
    if (serving !== null && this.versions.sameToken(fresh, serving)) {
      const inspection = await this.inspect(page, serving, urgency);
      if (inspection.valid) {
        await this.outcomes.pageUnchanged(page);
        return 'refreshed';
      }
      return this.fail(page, PAGE_LOST, true);
    }
    const told = { expiresAt: null, scopes: null };
    await this.versions.storePending(page, fresh, told);
    return this.judge(page, told, fresh, serving, urgency);
  }

  private async judge(
    page: ClaimedCredential,
    pending: { expiresAt: Date | null; scopes: string[] | null },
    token: SecretString,
    serving: SecretString | null,
    urgency: Urgency,
  ): Promise<RenewalOutcome> {
    const inspection = await this.inspect(page, token, urgency);
    const facts = {
      old: page,
      pending,
      sameToken: serving !== null && this.versions.sameToken(token, serving),
      inspection,
    };
    let judgement = judgeAnswer(facts);
    if (judgement.kind === 'ask_old_token') {
      const old = serving === null ? null : await this.inspect(page, serving, urgency);
      judgement = judgeAnswer({ ...facts, oldScopesNow: old?.valid === true ? (old.scopes ?? page.scopes) : null });
    }
    if (judgement.kind === 'promote') {
      await this.versions.promote(page, judgement.version);
      return 'refreshed';
    }
    await this.versions.discardPending(page);
    return judgement.kind === 'reject' ? this.fail(page, later(judgement.code, judgement.detail)) : 'failed';
  }

  /** The person has no task on the page any more, or the page is gone; the token we hold may live on all the same. */
  private async missing(
    page: ClaimedCredential,
    serving: SecretString | null,
    urgency: Urgency,
  ): Promise<RenewalOutcome> {
    const inspection = serving === null ? null : await this.inspect(page, serving, urgency);
    if (inspection?.valid !== true) return this.fail(page, PAGE_LOST, true);
    await this.outcomes.pageUnchanged(page);
    return 'not_due';
  }

  private inspect(page: ClaimedCredential, token: SecretString, urgency: Urgency): Promise<InspectionResult> {
    return this.pace.call(page.appId, urgency, () => this.inspections.inspect('page', token));
  }

  private failureFor(error: unknown): Failure | null {
    if (error instanceof MetaError) return failureOf(error);
    if (error instanceof SealBroken) return SEAL_BROKEN;
    if (error instanceof PaceStopped) return circuitOpen(error);
    return null;
  }

  private async fail(page: ClaimedCredential, failure: Failure, isDead = false): Promise<RenewalOutcome> {
    try {
      await this.settle.refresh(isDead ? { ...page, health: 'invalid' } : page, failure);
    } catch (error) {
      if (error instanceof ClaimLost) return 'lost';
      throw error;
    }
    return 'failed';
  }
}

const PAGE_LOST = later(
  'page_token_lost',
  'Meta gives no token for this Page any more: the person has no task on it, or it has been deleted. Give the role back, or connect again.',
);
