import { Injectable } from '@nestjs/common';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from '../../connections/credentials/credential-outcome.service.ts';
import type { ClaimedCredential, CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
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
import { RefusalInspector } from '../inspection/refusal-inspector.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from '../rate-limit/app-rate-limiter.ts';
import { RefreshedTokenPromoter } from './refreshed-token-promoter.ts';
import type { RefreshOutcome } from './token-refresher.ts';

/** Maximum number of ids that Meta accepts in one call. */
const BATCH = 50;

/**
 * Derives page tokens from the root token of their connection, in batches. Asks by Page id, because the list of a
 * user's Pages leaves out those of portfolios: docs/meta-facts.md#pages-of-a-portfolio
 */
@Injectable()
export class PageTokenDeriver {
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

  /** Derives the tokens of claimed page credentials of one connection. Returns an outcome for each. */
  async derive(pages: ClaimedCredential[], urgency: Urgency): Promise<RefreshOutcome[]> {
    const [first] = pages;
    const root = first === undefined ? null : await this.claims.findRoot(first.connectionId);
    if (root === null || root.status !== 'active' || !tokenKind(root.kind).derivesPageTokens) {
      for (const page of pages) await this.outcomes.recordNotDue(page);
      return pages.map(() => 'not_due' as const);
    }
    const results: RefreshOutcome[] = [];
    for (let start = 0; start < pages.length; start += BATCH) {
      const batch = pages.slice(start, start + BATCH);
      let tokens: Map<string, SecretString>;
      try {
        tokens = await this.fetchTokens(root, batch, urgency);
      } catch (error) {
        return [...results, ...(await this.failAll(pages.slice(start), root, urgency, error))];
      }
      for (const page of batch) results.push(await this.deriveOne(page, tokens.get(page.subjectId) ?? null, urgency));
    }
    return results;
  }

  /** Fetches new tokens of Pages that have no pending version. */
  private async fetchTokens(
    root: CredentialSnapshot,
    pages: ClaimedCredential[],
    urgency: Urgency,
  ): Promise<Map<string, SecretString>> {
    const wanted = pages.filter((page) => page.pending === null).map((page) => page.subjectId);
    if (wanted.length === 0) return new Map();
    const rootToken = await this.versions.openCurrent(root);
    if (rootToken === null) return new Map();
    const subject = { objectIds: [root.subjectId, root.id] };
    const read = (): Promise<Map<string, SecretString>> =>
      this.meta.call(root.appId, ({ pages: api }) => api.getPageTokens(wanted, rootToken));
    return this.rateLimiter.call(root.appId, urgency, read, subject);
  }

  /** Handles a failed call: inspects the root token if the error may be about it; the Pages are retried. */
  private async failAll(
    pages: ClaimedCredential[],
    root: CredentialSnapshot,
    urgency: Urgency,
    error: unknown,
  ): Promise<RefreshOutcome[]> {
    if (error instanceof CallNotPermittedError && error.reason === 'object_throttled')
      return Promise.all(pages.map((page) => this.fail(page, circuitOpenFailure(error), { notBefore: error.until })));
    if (error instanceof CallNotPermittedError && urgency === 'scheduled') {
      await this.claims.release(pages);
      return pages.map(() => 'stopped' as const);
    }
    if (error instanceof MetaError) await this.refusals.inspectServing(root, error, urgency);
    const failure = this.failureFor(error);
    if (failure === null) throw error;
    return Promise.all(pages.map((page) => this.fail(page, failure)));
  }

  private async deriveOne(
    page: ClaimedCredential,
    fresh: SecretString | null,
    urgency: Urgency,
  ): Promise<RefreshOutcome> {
    try {
      return await this.refresh(page, fresh, urgency);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      if (error instanceof CallNotPermittedError && urgency === 'scheduled') {
        await this.claims.release([page]);
        return 'stopped';
      }
      const failure = this.failureFor(error);
      if (failure === null) throw error;
      return this.fail(page, failure);
    }
  }

  private async refresh(
    page: ClaimedCredential,
    fresh: SecretString | null,
    urgency: Urgency,
  ): Promise<RefreshOutcome> {
    const serving = await this.versions.openCurrent(page).catch(() => null);
    if (page.pending !== null) {
      return this.validateAndPromote(
        page,
        page.pending,
        await this.versions.openPending(page, page.pending),
        serving,
        urgency,
      );
    }
    if (fresh === null) return this.handleMissing(page, serving, urgency);
    if (serving !== null && this.versions.isSameToken(fresh, serving)) {
      const inspection = await this.promoter.inspect(page, serving, urgency);
      if (inspection.valid) {
        await this.outcomes.recordUnchangedPage(page);
        return 'refreshed';
      }
      return this.fail(page, PAGE_LOST, { isDead: true });
    }
    const reported = { expiresAt: null, scopes: null };
    await this.versions.storePending(page, fresh, reported);
    return this.validateAndPromote(page, reported, fresh, serving, urgency);
  }

  private async validateAndPromote(
    page: ClaimedCredential,
    pending: { expiresAt: Date | null; scopes: string[] | null },
    token: SecretString,
    serving: SecretString | null,
    urgency: Urgency,
  ): Promise<RefreshOutcome> {
    const input = { credential: page, pending, token, serving, urgency, isForced: false };
    const result = await this.promoter.promote(input);
    if (result.kind === 'promoted') return 'refreshed';
    return result.failure === null ? 'failed' : this.fail(page, result.failure);
  }

  /** The user lost their task on the Page, or the Page is gone. The token we hold may still be valid. */
  private async handleMissing(
    page: ClaimedCredential,
    serving: SecretString | null,
    urgency: Urgency,
  ): Promise<RefreshOutcome> {
    const inspection = serving === null ? null : await this.promoter.inspect(page, serving, urgency);
    if (inspection?.valid !== true) return this.fail(page, PAGE_LOST, { isDead: true });
    await this.outcomes.recordUnchangedPage(page);
    return 'not_due';
  }

  private failureFor(error: unknown): AttemptFailure | null {
    if (error instanceof MetaError) return toAttemptFailure(error);
    if (error instanceof DecryptionError) return DECRYPTION_FAILED;
    if (error instanceof CallNotPermittedError) return circuitOpenFailure(error);
    return null;
  }

  private async fail(
    page: ClaimedCredential,
    failure: AttemptFailure,
    { isDead = false, notBefore = null }: { isDead?: boolean; notBefore?: Date | null } = {},
  ): Promise<RefreshOutcome> {
    try {
      const failed = isDead ? ({ ...page, health: 'invalid' } as const) : page;
      await this.failureRecorder.recordRefreshFailure(failed, failure, notBefore);
    } catch (error) {
      if (error instanceof ClaimLostError) return 'lost';
      throw error;
    }
    return 'failed';
  }
}

const PAGE_LOST = failLater(
  'page_token_lost',
  'Meta no longer gives a token for this Page: the user has no task on it, or it was deleted. Restore the role, or ' +
    'connect again.',
);
