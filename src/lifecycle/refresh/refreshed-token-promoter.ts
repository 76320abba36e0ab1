import { Injectable } from '@nestjs/common';
import type { ClaimedCredential, PendingVersion } from '../../connections/credentials/credential-snapshot.ts';
import {
  CredentialVersionService,
  type RotationPromotion,
} from '../../connections/credentials/credential-version.service.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { InspectionResult } from '../../meta/tokens/inspection-result.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { type AttemptFailure, failLater } from '../failures/attempt-failure.ts';
import { AppRateLimiter, type Urgency } from '../rate-limit/app-rate-limiter.ts';
import { validateRefreshedToken } from './validate-refreshed-token.ts';

/** A pending version and the token it would replace. */
interface PendingToken {
  credential: ClaimedCredential;
  pending: Pick<PendingVersion, 'expiresAt' | 'scopes'>;
  token: SecretString;
  /** Null if the serving token can't be decrypted. */
  serving: SecretString | null;
  urgency: Urgency;
  /** Requested, not scheduled: see `validateRefreshedToken`. */
  isForced: boolean;
  /** Null for a refresh. */
  rotation?: RotationTerms | null;
}

/** What a rotation requested. */
export interface RotationTerms extends RotationPromotion {
  /** Whether the new token may expire if the old one does not. */
  mayExpire: boolean;
}

type PromotionResult =
  | { kind: 'promoted' }
  | { kind: 'rejected'; failure: AttemptFailure | null; inspection: InspectionResult; isSameToken: boolean };

/** Completes a refresh of any kind: inspects the pending version, then promotes or discards it. */
@Injectable()
export class RefreshedTokenPromoter {
  constructor(
    private readonly versions: CredentialVersionService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
  ) {}

  /**
   * Destroys a rejected version, and revokes it at Meta if it came from a rotation, where it would live on. If it
   * throws `ClaimLostError`, `CallNotPermittedError` or `MetaError`, the version stays pending.
   */
  async promote(input: PendingToken): Promise<PromotionResult> {
    const { credential, pending, token, serving, urgency, isForced, rotation = null } = input;
    const inspection = await this.inspect(credential, token, urgency);
    const isSameToken = serving !== null && this.versions.isSameToken(token, serving);
    const facts = { old: credential, pending, isSameToken, isForced, rotation, inspection };
    let validation = validateRefreshedToken(facts);
    if (validation.kind === 'inspect_old_token') {
      const old = serving === null ? null : await this.inspect(credential, serving, urgency);
      const oldScopesNow = old?.valid === true ? (old.scopes ?? credential.scopes) : null;
      validation = validateRefreshedToken({ ...facts, oldScopesNow });
    }
    if (validation.kind === 'promote') {
      await this.versions.promote(credential, validation.version, rotation);
      return { kind: 'promoted' };
    }
    if (rotation !== null && inspection.valid) await this.versions.revokePending(credential);
    else await this.versions.discardPending(credential);
    const failure = validation.kind === 'reject' ? failLater(validation.code, validation.detail) : null;
    return { kind: 'rejected', failure, inspection, isSameToken };
  }

  /** Inspects a token of the credential at Meta. Throws `CallNotPermittedError` and `MetaError`. */
  inspect(credential: ClaimedCredential, token: SecretString, urgency: Urgency): Promise<InspectionResult> {
    const { appId, kind } = credential;
    return this.rateLimiter.call(appId, urgency, () =>
      this.meta.call(appId, ({ inspection }) => inspection.inspect(kind, token)),
    );
  }
}
