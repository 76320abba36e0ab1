import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { listPhoneNumbers } from '../../connections/assets/asset.repository.ts';
import {
  PhoneSynchronizationService,
  type SynchronizationClaim,
  type SynchronizationObstacle,
} from '../../connections/assets/phone-synchronization.service.ts';
import { SYNCHRONIZATION_KINDS, type SynchronizationKind } from '../../connections/connection/asset-details.ts';
import { reauthRequired } from '../../connections/connection/connection-problems.ts';
import { VerificationRequests } from '../../connections/connection/verification-requests.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { metaUnavailable } from '../../meta/errors/meta-unavailable.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import { Clock } from '../../platform/clock.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { AppError } from '../../platform/problem.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { metaConfiguration, phoneNumberNotFound } from '../connect-problems.ts';
import { problemCodeOf } from '../problem-code-of-verdict.ts';
import {
  alreadySynchronized,
  notCoexistence,
  synchronizationRefused,
  synchronizationWindowClosed,
} from './phone-number-problems.ts';
import { toSynchronizationFailure } from './synchronization-failure.ts';
import type { SynchronizationResult } from './synchronize-phone-number.dto.ts';

interface SynchronizationRequest {
  connectionId: ConnectionId;
  phoneNumberId: string;
  kinds: readonly SynchronizationKind[];
  actor: Actor;
  requestId: string;
}

/** A token and the app that it belongs to. */
interface OpenedToken {
  token: SecretString;
  appId: string;
}

const RETRY_AFTER_SECONDS = 60;

/**
 * Has Meta send a WhatsApp Business app number's contacts and history by webhook, once
 * (docs/meta-facts.md#synchronizing-once-within-a-day).
 */
@Injectable()
export class PhoneNumberSynchronizer {
  constructor(
    private readonly meta: MetaClients,
    private readonly synchronizations: PhoneSynchronizationService,
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly verificationRequests: VerificationRequests,
    private readonly database: Database,
    private readonly jobs: JobScheduler,
    private readonly clock: Clock,
  ) {}

  /**
   * Returns the result for each kind; Meta accepted at least one. Throws `AppError`: 404 `phone_number_not_found`; 409
   * `not_coexistence`, `already_synchronized` (every kind), `synchronization_window_closed` or `reauth_required`; if
   * Meta accepted none: 422 `synchronization_refused`, 503 `meta_unavailable` (also for limits) or 502
   * `meta_configuration`.
   */
  async synchronize(request: SynchronizationRequest): Promise<SynchronizationResult[]> {
    const opened = await this.openToken(request);
    const claim = await this.synchronizations.claim(request.connectionId, request.phoneNumberId, request.kinds);
    if ('obstacle' in claim) throw toObstacleProblem(claim);
    return this.jobs.track(this.requestAll(request, claim, opened));
  }

  private async openToken({ connectionId, phoneNumberId }: SynchronizationRequest): Promise<OpenedToken> {
    const numbers = await listPhoneNumbers(this.database, connectionId);
    const number = numbers.find(({ id }) => id === phoneNumberId);
    if (number === undefined) throw new AppError(phoneNumberNotFound);
    const credential = number.credentialId === null ? null : await this.claims.find(number.credentialId);
    const token = credential?.status === 'active' ? await this.versions.openCurrent(credential) : null;
    if (credential === null || token === null) throw new AppError(reauthRequired);
    return { token, appId: credential.appId };
  }

  private async requestAll(
    request: SynchronizationRequest,
    claim: SynchronizationClaim,
    opened: OpenedToken,
  ): Promise<SynchronizationResult[]> {
    const results = new Map<SynchronizationKind, SynchronizationResult>();
    let lastError: MetaError | null = null;
    for (const kind of claim.kinds) {
      if (lastError !== null && !isRefusal(lastError)) {
        // What stopped the first kind would stop this one too.
        await this.synchronizations.release(claim, [kind]);
        results.set(kind, { kind, status: 'not_requested', request_id: null });
        continue;
      }
      const outcome = await this.requestOne(request, claim, kind, opened);
      if (outcome instanceof MetaError) {
        lastError = outcome;
        results.set(kind, { kind, status: 'failed', request_id: null, ...toSynchronizationFailure(outcome) });
      } else results.set(kind, { kind, status: 'requested', request_id: outcome });
    }
    const isAnyRequested = [...results.values()].some(({ status }) => status === 'requested');
    if (lastError !== null && !isAnyRequested) throw toProblem(lastError);
    return SYNCHRONIZATION_KINDS.flatMap((kind) => results.get(kind) ?? toEarlierResult(claim, kind));
  }

  /** Returns Meta's request id, or why there is none. */
  private async requestOne(
    { connectionId, actor, requestId }: SynchronizationRequest,
    claim: SynchronizationClaim,
    kind: SynchronizationKind,
    opened: OpenedToken,
  ): Promise<string | null | MetaError> {
    const by = { actor, requestId };
    try {
      const metaRequestId = await this.meta.call(opened.appId, ({ synchronization }) =>
        synchronization.request(claim.phoneNumberId, opened.token, kind),
      );
      const at = this.clock.now().toISOString();
      const known = metaRequestId === null ? {} : { request_id: metaRequestId };
      await this.synchronizations.record(claim, kind, { status: 'requested', at, ...known }, by);
      return metaRequestId;
    } catch (error) {
      if (!(error instanceof MetaError)) throw error;
      const at = this.clock.now().toISOString();
      await this.synchronizations.record(claim, kind, { status: 'failed', at, ...toSynchronizationFailure(error) }, by);
      const { kind: verdict } = error.verdict;
      if (verdict === 'dead' || verdict === 'suspect')
        await this.verificationRequests.requestVerification(this.database, [connectionId]);
      return error;
    }
  }
}

const CODES = { suspect: 'meta_unavailable', dead: 'reauth_required', refused: 'synchronization_refused' } as const;

/** Concerns this kind, not the app, the token or an outage. */
function isRefusal({ verdict }: MetaError): boolean {
  return problemCodeOf(verdict, CODES) === 'synchronization_refused';
}

/** The kind's earlier request; empty if it was never requested. */
function toEarlierResult({ done }: SynchronizationClaim, kind: SynchronizationKind): SynchronizationResult[] {
  const earlier = done[kind];
  if (earlier === undefined) return [];
  const { request_id: metaRequestId = null, detail, remedy } = earlier;
  const unknown = detail === undefined || remedy === undefined ? {} : { detail, remedy };
  return [{ kind, status: 'already_requested', request_id: metaRequestId, ...unknown }];
}

function toObstacleProblem(of: SynchronizationObstacle): AppError {
  switch (of.obstacle) {
    case 'not_found':
      return new AppError(phoneNumberNotFound);
    case 'not_coexistence':
      return new AppError(notCoexistence);
    case 'window_closed':
      return new AppError(synchronizationWindowClosed);
    case 'already_requested': {
      const unknown = Object.values(of.done).find(({ outcome }) => outcome === 'unknown');
      const { detail, remedy } = unknown ?? {};
      return new AppError(alreadySynchronized, detail === undefined || remedy === undefined ? {} : { detail, remedy });
    }
  }
}

function toProblem(error: MetaError): AppError {
  const { detail, remedy, meta } = toSynchronizationFailure(error);
  const occurrence = { cause: error, ...(meta === undefined ? {} : { meta }) };
  switch (problemCodeOf(error.verdict, CODES)) {
    case 'reauth_required':
      return new AppError(reauthRequired, occurrence);
    case 'meta_configuration':
      return new AppError(metaConfiguration, occurrence);
    case 'meta_unavailable': {
      const retryAfterSeconds = error.retryAfterSeconds ?? RETRY_AFTER_SECONDS;
      return new AppError(metaUnavailable, { ...occurrence, detail, remedy, retryAfterSeconds });
    }
    case 'synchronization_refused':
      return new AppError(synchronizationRefused, { ...occurrence, detail, remedy });
  }
}
