import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import {
  connectionNotFound,
  connectionRevoked,
  reauthRequired,
} from '../../connections/connection/connection-problems.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential, CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { RotationRequestService, type RotationWish } from '../../connections/credentials/rotation-request.service.ts';
import type { ConnectionId, CredentialId } from '../../connections/ids.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import { CLAIM_POLL_INTERVAL_MS, MAX_CLAIM_WAIT_MS } from '../refresh/claim-wait.ts';
import { CredentialWorker } from '../sweeps/credential-worker.ts';
import { isRotatable } from './rotation-plan.ts';
import { TokenRevoker } from './token-revoker.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    not_rotatable: true;
    rotation_pending: true;
  }
}

export const notRotatable = defineProblem(
  'not_rotatable',
  409,
  'Only tokens of system users can be rotated, and this connection has none.',
  'Refresh it with POST /v1/connections/{id}/refresh; to replace its token, send the user through a new connect session.',
);
export const rotationPending = defineProblem(
  'rotation_pending',
  503,
  'The rotation is recorded and starts once other work on this token has finished.',
  'Get the connection again after Retry-After: a higher version means the rotation is done.',
);

/** A pending refresh is completed first. */
const MAX_ROUNDS = 3;
const RETRY_AFTER_SECONDS = 30;

/** Rotates a connection's token on request. Records failures on the credential instead of throwing. */
@Injectable()
export class ManualRotationService {
  constructor(
    private readonly claims: CredentialClaimRepository,
    private readonly requests: RotationRequestService,
    private readonly worker: CredentialWorker,
    private readonly revoker: TokenRevoker,
    private readonly config: Config,
  ) {}

  /**
   * Generates a token, takes it into use and revokes the old one. Concurrent requests share one rotation. Throws
   * `AppError`: 409 `not_rotatable`, `reauth_required`, `connection_revoked`; 503 `rotation_pending` if other work
   * holds the credential.
   */
  async rotate(connectionId: ConnectionId, wish: RotationWish): Promise<void> {
    const root = await this.claims.findRoot(connectionId);
    this.requireRotatable(root);
    if (!(await this.requests.request(root, wish))) throw new AppError(reauthRequired);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const claimed = await this.claim(root.id);
      if (claimed === null) throw new AppError(rotationPending, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      // Another replica handled our request while we waited.
      if (claimed.rotationRequest === null) {
        await this.claims.release([claimed]);
        break;
      }
      const [outcome] = await this.worker.refresh(claimed, 'forced');
      if (outcome === 'dead' || outcome === 'stopped') break;
      if (outcome === 'failed' && claimed.pending?.origin !== 'refresh') break;
    }
    await this.derivePages(connectionId);
    await this.revoker.attemptNow(connectionId, wish.actor);
  }

  /** Derives page tokens again before the old token, which they come from, is revoked. */
  private async derivePages(connectionId: ConnectionId): Promise<void> {
    const pages = await this.claims.claimPageTokens(connectionId, this.config.claimSeconds, { dueOnly: true });
    if (pages.length > 0) await this.worker.derive(pages, 'forced');
  }

  private requireRotatable(root: CredentialSnapshot | null): asserts root is CredentialSnapshot {
    if (root === null) throw new AppError(connectionNotFound);
    if (root.status === 'revoked') throw new AppError(connectionRevoked);
    if (!isRotatable(root)) throw new AppError(notRotatable);
    if (root.status !== 'active') throw new AppError(reauthRequired);
  }

  private async claim(credentialId: CredentialId): Promise<ClaimedCredential | null> {
    const until = performance.now() + MAX_CLAIM_WAIT_MS;
    for (;;) {
      const claimed = await this.claims.claimOne(credentialId, this.config.claimSeconds);
      if (claimed !== null || performance.now() > until) return claimed;
      await sleep(CLAIM_POLL_INTERVAL_MS);
    }
  }
}
