import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from '../../connections/credentials/credential-outcome.service.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import type { CredentialId } from '../../connections/ids.ts';
import type { MetaVerdict } from '../../meta/errors/classify-error.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import { cacheSize } from '../../platform/cache-size.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { SingleFlight } from '../../platform/single-flight.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { FailureRecorder } from '../failures/failure-recorder.ts';
import { AppRateLimiter, CallNotPermittedError } from '../rate-limit/app-rate-limiter.ts';
import { CredentialWorker } from '../sweeps/credential-worker.ts';

type SuspectedTokenVerdict = 'dead' | 'alive' | 'unknown';

/** How long a verdict on a version holds before it is inspected again. */
const COOLDOWN_MS: Readonly<Record<SuspectedTokenVerdict, number>> = { dead: 60_000, alive: 2_000, unknown: 2_000 };
const MAX_CACHED_VERDICTS = 10_000;

/** Confirms reports that Meta refused a token, by one inspection for all reporters, and acts on the verdict at once. */
@Injectable()
export class SuspectedTokenService {
  private readonly inFlight = new SingleFlight<SuspectedTokenVerdict>();
  private readonly verdicts = new LRUCache<string, SuspectedTokenVerdict>(cacheSize(MAX_CACHED_VERDICTS));

  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly outcomes: CredentialOutcomeService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
    private readonly failureRecorder: FailureRecorder,
    private readonly worker: CredentialWorker,
    private readonly apps: MetaApps,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /**
   * Reports that a call with this version was refused. `dead`: confirmed; a dead root token made the connection
   * `reauth_required`, a dead page token is being derived again. `alive`: the token is valid, or another version is in
   * use. `unknown`: Meta could not be asked; it is inspected within a minute. Never throws Meta's errors.
   */
  report(
    credentialId: CredentialId,
    version: number,
    cause: MetaCause,
    verdict: MetaVerdict,
  ): Promise<SuspectedTokenVerdict> {
    if (verdict.kind !== 'dead' && verdict.kind !== 'suspect') return Promise.resolve('alive');
    const key = `${credentialId} ${version}`;
    const cached = this.verdicts.get(key);
    if (cached !== undefined) return Promise.resolve(cached);
    return this.inFlight.run(key, async () => {
      const confirmed = await this.confirm(credentialId, version, cause);
      this.verdicts.set(key, confirmed, { ttl: COOLDOWN_MS[confirmed] });
      return confirmed;
    });
  }

  private async confirm(credentialId: CredentialId, version: number, cause: MetaCause): Promise<SuspectedTokenVerdict> {
    const credential = await this.claims.find(credentialId);
    if (credential === null || credential.version !== version || credential.status === 'revoked') return 'alive';
    if (!(await this.apps.serves(credential))) return this.requestVerification(credential);
    try {
      const token = await this.versions.openCurrent(credential);
      if (token === null) return 'dead';
      const result = await this.rateLimiter.call(credential.appId, 'forced', () =>
        this.meta.call(credential.appId, ({ inspection }) => inspection.inspect(credential.kind, token)),
      );
      if (result.valid) return 'alive';
      if (result.reason !== 'dead') return await this.requestVerification(credential);
      const known = Object.keys(result.meta).length === 0 ? cause : result.meta;
      return await this.applyDeath(credential, result.verdict, known);
    } catch (error) {
      if (!(error instanceof MetaError || error instanceof CallNotPermittedError || error instanceof DecryptionError))
        throw error;
      return this.requestVerification(credential);
    }
  }

  private async applyDeath(
    credential: CredentialSnapshot,
    verdict: Extract<MetaVerdict, { kind: 'dead' }>,
    meta: MetaCause,
  ): Promise<SuspectedTokenVerdict> {
    if (credential.isRoot)
      return (await this.failureRecorder.recordDeath(credential, verdict.reason, meta)) ? 'dead' : 'alive';
    // A dead page token: the check that this requests derives it again if the user token is valid.
    await this.outcomes.requestVerification(credential.id, credential.version);
    void this.deriveAgain(credential).catch((error: unknown) => {
      this.logger.warn(
        { err: error, credential_id: credential.id },
        'a dead page token could not be derived again at once',
      );
    });
    return 'dead';
  }

  private async deriveAgain(credential: CredentialSnapshot): Promise<void> {
    if ((await this.worker.checkNow(credential.id, 'scheduled')) !== 'to_be_derived') return;
    await this.worker.deriveDue(credential.connectionId, 'scheduled');
  }

  private async requestVerification(credential: CredentialSnapshot): Promise<SuspectedTokenVerdict> {
    await this.outcomes.requestVerification(credential.id, credential.version);
    return 'unknown';
  }
}
