import { Injectable } from '@nestjs/common';
import { CredentialOutcomeService } from '../../connections/credentials/credential-outcome.service.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import type { MetaVerdict } from '../../meta/errors/classify-error.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { DeadTokenInspection } from '../../meta/tokens/inspection-result.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { FailureRecorder } from '../failures/failure-recorder.ts';
import { AppRateLimiter, CallNotPermittedError, type Urgency } from '../rate-limit/app-rate-limiter.ts';

/** `unknown`: Meta could not be asked, or the token belongs to another app. */
export type RefusalFinding =
  | { kind: 'dead'; death: Pick<DeadTokenInspection, 'verdict' | 'meta'> }
  | { kind: 'alive' }
  | { kind: 'unknown' };

/** Verdicts about Meta or our app, not about the token. */
const UNRELATED_TO_TOKEN: ReadonlySet<MetaVerdict['kind']> = new Set(['transient', 'throttled', 'configuration']);

export function isUnrelatedToToken({ verdict }: MetaError): boolean {
  return UNRELATED_TO_TOKEN.has(verdict.kind);
}

/**
 * Inspects tokens that Meta just refused. Whatever the code, only an inspection tells a dead token from one refused for
 * another reason: docs/meta-facts.md#refusals
 */
@Injectable()
export class RefusalInspector {
  constructor(
    private readonly versions: CredentialVersionService,
    private readonly outcomes: CredentialOutcomeService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
    private readonly failureRecorder: FailureRecorder,
  ) {}

  /** Inspects a token, within its app's rate limit. Never throws `MetaError` or `CallNotPermittedError`. */
  async inspect(
    { appId, kind }: Pick<CredentialSnapshot, 'appId' | 'kind'>,
    token: SecretString,
    urgency: Urgency,
  ): Promise<RefusalFinding> {
    try {
      const result = await this.rateLimiter.call(appId, urgency, () =>
        this.meta.call(appId, ({ inspection }) => inspection.inspect(kind, token)),
      );
      if (result.valid) return { kind: 'alive' };
      return result.reason === 'dead' ? { kind: 'dead', death: result } : { kind: 'unknown' };
    } catch (error) {
      if (error instanceof MetaError || error instanceof CallNotPermittedError) return { kind: 'unknown' };
      throw error;
    }
  }

  /**
   * Inspects the serving version of a credential after a refused call. A dead root token makes the connection
   * `reauth_required`; a dead page token, or one that can't be inspected, becomes due for inspection. Needs no claim.
   */
  async inspectServing(credential: CredentialSnapshot, refusal: MetaError, urgency: Urgency): Promise<RefusalFinding> {
    if (isUnrelatedToToken(refusal)) return { kind: 'unknown' };
    const token = await this.open(credential);
    const finding: RefusalFinding =
      token === null ? { kind: 'unknown' } : await this.inspect(credential, token, urgency);
    if (finding.kind === 'alive') return finding;
    if (finding.kind === 'dead' && credential.isRoot)
      await this.failureRecorder.recordDeath(credential, finding.death.verdict.reason, finding.death.meta);
    else await this.outcomes.requestVerification(credential.id, credential.version);
    return finding;
  }

  private async open(credential: CredentialSnapshot): Promise<SecretString | null> {
    try {
      return await this.versions.openCurrent(credential);
    } catch (error) {
      if (error instanceof DecryptionError) return null;
      throw error;
    }
  }
}
