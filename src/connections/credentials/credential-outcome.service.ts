import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Random } from '../../platform/random.ts';
import { requireClaim } from '../claim-lost-error.ts';
import { placeOf } from '../connection-place.ts';
import type { CredentialId } from '../ids.ts';
import { announceExpiring } from '../status/expiry-announcement.ts';
import { noticeDays } from '../status/expiry-notices.ts';
import { storeAppScopedId, updateInspectedConnection } from '../status/inspected-connection.repository.ts';
import type { CredentialFailure, CredentialFailureCode } from '../status/status-reason.ts';
import { HEALTH_CHANGE_OF, nextHealth } from './credential-health.ts';
import type { Health } from './credential-kind.ts';
import { credentialKindRules } from './credential-kind-rules.ts';
import {
  markExpiryNoticed,
  updateCheckedCredential,
  updateCredentialNotDue,
  updateFailedCredential,
  updatePageForDerivation,
  updateRotationFailed,
  updateSuspectedCredential,
  updateUnchangedPage,
} from './credential-outcome.repository.ts';
import { LATE_CHECK_SECONDS, nextCheckAt, spreadCheckAt } from './credential-schedule.ts';
import { type ClaimedCredential, type CredentialSnapshot, ownClaimOf } from './credential-snapshot.ts';
import { compareInspection, type InspectedCredential, type InspectionChanges } from './inspected-credential.ts';

export interface FailedAttempt {
  operation: 'refresh' | 'check';
  failure: Omit<CredentialFailure, 'attempts' | 'next_attempt_at'>;
  /** Null: no automatic retry. */
  nextAttemptAt: Date | null;
  /** What is now known about the token; undefined: nothing new. */
  health?: Health;
}

export interface FailedRotation {
  failure: FailedAttempt['failure'];
  /** When to continue the requested rotation. Null: not automatically, or none was requested. */
  rotationDueAt: Date | null;
  /** When the schedule tries again. Null: the schedule did not start this rotation. */
  refreshDueAt: Date | null;
  health?: Health;
}

/**
 * Writes outcomes that leave a credential's version unchanged. Every write ends the claim, or throws `ClaimLostError`
 * if it was lost.
 */
@Injectable()
export class CredentialOutcomeService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Records a failure and announces a token close to expiry. Audits each new code once, not every attempt. */
  async recordFailure(credential: ClaimedCredential, failed: FailedAttempt): Promise<void> {
    const now = this.clock.now();
    const attempts = credential.failure?.code === failed.failure.code ? credential.failure.attempts + 1 : 1;
    const failure: CredentialFailure = {
      code: failed.failure.code,
      detail: failed.failure.detail,
      attempts,
      next_attempt_at: failed.nextAttemptAt?.toISOString() ?? null,
      ...(failed.failure.meta === undefined ? {} : { meta: failed.failure.meta }),
    };
    // A failed check must not hide why a refresh failed.
    const keepsRefreshFailure =
      failed.operation === 'check' && credential.failure !== null && !isCheckFailure(credential.failure);
    const health = failed.health ?? credential.health;
    await this.database.transaction(async (tx) => {
      const written = await updateFailedCredential(tx, failed.operation, {
        ...ownClaimOf(credential),
        failure: JSON.stringify(keepsRefreshFailure ? credential.failure : failure),
        health: nextHealth(credential.health, HEALTH_CHANGE_OF[health]),
        nextAttemptAt: failed.nextAttemptAt,
        checkDueAt: credential.checkDueAt,
        now,
      });
      requireClaim(written, `credential ${credential.id}`);
      if (failed.operation !== 'refresh') return;
      if (attempts === 1) await this.auditFailure(tx, credential, failure, 'credential.refresh_failed');
      await this.announceExpiry(tx, credential, now);
    });
  }

  /** Records why a rotation failed and when it continues. Audits each new code once. */
  async recordRotationFailure(credential: ClaimedCredential, failed: FailedRotation): Promise<void> {
    const now = this.clock.now();
    const attempts = credential.failure?.code === failed.failure.code ? credential.failure.attempts + 1 : 1;
    const nextAttemptAt = failed.rotationDueAt ?? failed.refreshDueAt;
    const { meta, ...texts } = failed.failure;
    const failure: CredentialFailure = {
      ...texts,
      attempts,
      next_attempt_at: nextAttemptAt?.toISOString() ?? null,
      ...(meta === undefined ? {} : { meta }),
    };
    await this.database.transaction(async (tx) => {
      const written = await updateRotationFailed(tx, {
        ...ownClaimOf(credential),
        failure: JSON.stringify(failure),
        health: nextHealth(credential.health, HEALTH_CHANGE_OF[failed.health ?? credential.health]),
        rotationDueAt: failed.rotationDueAt,
        refreshDueAt: failed.refreshDueAt,
        checkDueAt: credential.checkDueAt,
        isRetried: nextAttemptAt !== null,
        wasRequested: credential.rotationRequest !== null,
        now,
      });
      requireClaim(written, `credential ${credential.id}`);
      if (attempts === 1) await this.auditFailure(tx, credential, failure, 'credential.rotation_failed');
    });
  }

  /**
   * Records a successful inspection: current state, next inspection, check failures cleared. Audits a changed expiry
   * and scopes the user revoked; lost scopes are also published (`connection.refreshed` with `lost_scopes`).
   */
  async recordCheck(credential: ClaimedCredential, known: InspectedCredential): Promise<void> {
    await this.storeAppScopedId(credential, known.appScopedUserId);
    const now = this.clock.now();
    const changes = compareInspection(credential, known);
    const { expiresAt, hasExpiryChanged, scopes, lostScopes, hasGainedScopes, hasDataAccessChanged } = changes;
    if (!hasExpiryChanged && lostScopes.length === 0 && !hasGainedScopes && !hasDataAccessChanged)
      return this.writeCheck(this.database, credential, known, changes, now);
    await this.database.transaction(async (tx) => {
      if (credential.isRoot)
        await updateInspectedConnection(tx, credential.connectionId, {
          scopes,
          lostScopes,
          missingScopes: known.missingScopes,
          dataAccessExpiresAt: hasDataAccessChanged ? known.dataAccessExpiresAt : undefined,
          now,
        });
      await this.writeCheck(tx, credential, known, changes, now);
      const details = {
        kind: credential.kind,
        ...(hasExpiryChanged ? { expires_at: expiresAt } : {}),
        ...(hasDataAccessChanged ? { data_access_expires_at: known.dataAccessExpiresAt } : {}),
        ...(lostScopes.length === 0 ? {} : { lost_scopes: lostScopes }),
      };
      await this.audit.record(tx, {
        ...placeOf(credential),
        action: 'credential.checked',
        actor: SYSTEM,
        subjectId: credential.id,
        details,
      });
      if (lostScopes.length > 0) await this.publishLostScopes(tx, credential, lostScopes);
    });
  }

  /** Makes a Page token that is dead or must be read again due at once, since its connection's root is alive. */
  async markPageForDerivation(credential: ClaimedCredential): Promise<void> {
    const now = this.clock.now();
    const claim = { ...ownClaimOf(credential), now, nextCheckAt: nextCheckAt(now, this.random.fraction()) };
    requireClaim(await updatePageForDerivation(this.database, claim), `credential ${credential.id}`);
  }

  /**
   * Records that Meta returned the same live Page token, so that it rests until its user token is refreshed again.
   * Stays due if that happened while Meta was asked with the old one.
   */
  async recordUnchangedPage(credential: ClaimedCredential): Promise<void> {
    const now = this.clock.now();
    const written = await updateUnchangedPage(this.database, {
      ...ownClaimOf(credential),
      now,
      nextCheckAt: nextCheckAt(now, this.random.fraction()),
      refreshAfter: credential.refreshAfter,
    });
    requireClaim(written, `credential ${credential.id}`);
  }

  /**
   * Clears due dates because there is nothing to refresh until the connection recovers or the user token is refreshed.
   */
  async recordNotDue(credential: ClaimedCredential): Promise<void> {
    const now = this.clock.now();
    const wasDue = credential.refreshDueAt !== null && credential.refreshDueAt <= now;
    const wasRotationRequested = credential.rotationRequest !== null;
    const claim = ownClaimOf(credential);
    const written = await updateCredentialNotDue(this.database, { ...claim, wasDue, wasRotationRequested, now });
    requireClaim(written, `credential ${credential.id}`);
  }

  /** Has the next sweep inspect a suspected serving version that could not be inspected at once. Needs no claim. */
  async requestVerification(credentialId: CredentialId, version: number): Promise<void> {
    await updateSuspectedCredential(this.database, credentialId, version, this.clock.now());
  }

  /** Needs no claim: a fact about the token's user. A deauthorization or data deletion may name them by this id. */
  private async storeAppScopedId(credential: CredentialSnapshot, appScopedUserId: string | undefined): Promise<void> {
    if (appScopedUserId === undefined || !credential.isRoot || credential.appScopedUserId !== null) return;
    const { connectionId, metaUserId } = credential;
    await storeAppScopedId(this.database, { connectionId, metaUserId, appScopedUserId });
  }

  private async writeCheck(
    executor: SqlExecutor,
    credential: ClaimedCredential,
    known: InspectedCredential,
    { expiresAt, hasExpiryChanged, scopes }: InspectionChanges,
    now: Date,
  ): Promise<void> {
    const fraction = this.random.fraction();
    const written = await updateCheckedCredential(executor, {
      ...ownClaimOf(credential),
      health: nextHealth(credential.health, HEALTH_CHANGE_OF[known.health]),
      scopes,
      issuedAt: known.issuedAt ?? credential.issuedAt,
      expiresAt,
      now,
      nextCheckAt: nextCheckAt(now, fraction),
      lateBefore: addSeconds(now, -LATE_CHECK_SECONDS),
      spreadCheckAt: spreadCheckAt(now, fraction),
      clearsFailure: credential.failure !== null && isCheckFailure(credential.failure),
      plansRefresh:
        known.refreshAfter !== undefined &&
        (hasExpiryChanged ||
          credential.refreshDueAt === null ||
          isRotationPlanOutdated(credential, known.refreshAfter)),
      refreshAfter: known.refreshAfter ?? null,
      checkDueAt: credential.checkDueAt,
    });
    requireClaim(written, `credential ${credential.id}`);
  }

  private async auditFailure(
    tx: Transaction,
    credential: CredentialSnapshot,
    failure: CredentialFailure,
    action: 'credential.refresh_failed' | 'credential.rotation_failed',
  ): Promise<void> {
    await this.audit.record(tx, {
      ...placeOf(credential),
      action,
      actor: SYSTEM,
      subjectId: credential.id,
      details: {
        code: failure.code,
        kind: credential.kind,
        version: credential.version,
        ...(failure.meta === undefined ? {} : { meta: failure.meta }),
      },
    });
  }

  private async publishLostScopes(
    tx: Transaction,
    credential: CredentialSnapshot,
    lostScopes: string[],
  ): Promise<void> {
    const of = placeOf(credential);
    await this.outbox.add(tx, {
      ...of,
      type: 'connection.refreshed',
      data: {
        connection_id: of.connectionId,
        tenant: of.tenant,
        product: of.product,
        status: credential.status,
        credential_id: credential.id,
        credential_version: credential.version,
        expires_at: credential.expiresAt,
        lost_scopes: lostScopes,
      },
    });
  }

  /** Announces, 14, 7, and 1 days ahead, the expiry of a root token whose refresh fails. */
  private async announceExpiry(tx: Transaction, credential: CredentialSnapshot, now: Date): Promise<void> {
    if (!credential.isRoot || credential.expiresAt === null || credential.status !== 'active') return;
    const days = noticeDays(credential.expiresAt, now);
    if (days === null || !(await markExpiryNoticed(tx, credential.id, credential.expiresAt, days))) return;
    await announceExpiring(tx, this.outbox, credential, 'token_expires', credential.expiresAt, days);
  }
}

/** Whether ROTATE_SYSTEM_USERS_DAYS changed since the rotation was planned. A rotation being retried keeps its date. */
function isRotationPlanOutdated(credential: CredentialSnapshot, planned: Date | null): boolean {
  if (!credentialKindRules(credential.kind).isRotatable || credential.expiresAt !== null) return false;
  return credential.failureAttempts === 0 && credential.refreshAfter?.getTime() !== planned?.getTime();
}

/** Failures of an inspection, which the next successful one clears. */
const CHECK_FAILURES: ReadonlySet<CredentialFailureCode> = new Set(['check_failed', 'app_not_configured']);

function isCheckFailure(failure: CredentialFailure): boolean {
  return CHECK_FAILURES.has(failure.code);
}
