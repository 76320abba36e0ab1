import { Injectable } from '@nestjs/common';
import { AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { Random } from '../../platform/random.ts';
import { storeAppScopedId } from '../authorization/app-scoped-id.ts';
import { ClaimLostError } from '../authorization/pending-authorization.repository.ts';
import { announceExpiring } from '../connection/expiry-announcement.ts';
import { noticeDays } from '../connection/expiry-notices.ts';
import { missingScopesReasonJson, scopeAssignmentsSql } from '../connection/missing-scopes.ts';
import type { CredentialFailure } from '../connection/status-reason.ts';
import type { Health } from './credential-kind.ts';
import { CHECK_INTERVAL_SECONDS } from './credential-schedule.ts';
import { type ClaimedCredential, type CredentialSnapshot, verificationRequestedSince } from './credential-snapshot.ts';

export interface FailedAttempt {
  operation: 'refresh' | 'check';
  failure: Omit<CredentialFailure, 'attempts' | 'next_attempt_at'>;
  /** Null: not by itself. */
  nextAttemptAt: Date | null;
  /** What is now known of the token; undefined: nothing new. */
  health?: Health;
}

/** What a good inspection tells. Undefined: the host does not tell it, what is known stays. */
export interface InspectedCredential {
  health: Health;
  scopes?: string[];
  /** Those that the product needs and the token lacks. Undefined: not told. */
  missingScopes?: string[];
  issuedAt?: Date | null;
  expiresAt?: Date | null;
  /** When it is renewed by the end that was told; counts where that end is news, or where no renewal was planned. */
  refreshAfter?: Date | null;
  /** Of the connection, as its root token tells. */
  dataAccessExpiresAt?: Date | null;
  /** Instagram: the person's id for our app. */
  appScopedUserId?: string;
}

/** Writes how work on a credential ended where its version did not change. Every write ends the claim, and needs it: `ClaimLostError`. */
@Injectable()
export class CredentialOutcomeRepository {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** Records a failure. Audited once for each new code, not at every attempt; a token near its end is announced. */
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
    // A check that fails hides nothing that a renewal failed of.
    const keepsRefreshFailure =
      failed.operation === 'check' && credential.failure !== null && !isCheckFailure(credential.failure);
    await this.database.transaction(async (tx) => {
      const written = await tx.run({
        name: failed.operation === 'refresh' ? 'refresh_failed' : 'check_failed',
        text: `UPDATE credential c SET failure = $4, failure_attempts = failure_attempts + $5, updated_at = $7,
            health = CASE WHEN ${verificationRequestedSince('$9')} AND health = 'unknown' THEN health ELSE $6 END,
            ${failed.operation === 'refresh' ? 'refresh_due_at = $8' : `check_due_at = CASE WHEN ${verificationRequestedSince('$9')} THEN check_due_at ELSE $8 END`},
            claim_id = NULL, claimed_until = NULL
          WHERE id = $1 AND claim_id = $2 AND version = $3`,
        values: [
          credential.id,
          credential.claimId,
          credential.version,
          JSON.stringify(keepsRefreshFailure ? credential.failure : failure),
          failed.operation === 'refresh' ? 1 : 0,
          failed.health ?? credential.health,
          now,
          failed.nextAttemptAt,
          credential.checkDueAt,
        ],
      });
      if (written !== 1) throw new ClaimLostError(`credential ${credential.id}`);
      if (failed.operation !== 'refresh') return;
      if (attempts === 1) await this.auditFailure(tx, credential, failure);
      await this.announceExpiry(tx, credential, now);
    });
  }

  /**
   * Records a good inspection: what is known now, when the next one is due, no failure of a check any more. A changed end, and a scope
   * that the person took away, are audited; a lost scope is also told to the products (`connection.refreshed` with `lost_scopes`).
   */
  async recordCheck(credential: ClaimedCredential, known: InspectedCredential): Promise<void> {
    await storeAppScopedId(this.database, credential, known.appScopedUserId);
    const now = this.clock.now();
    const expiresAt = known.expiresAt === undefined ? credential.expiresAt : known.expiresAt;
    const hasExpiryChanged = !sameInstant(expiresAt, credential.expiresAt);
    const scopes = known.scopes ?? credential.scopes;
    const lostScopes = credential.scopes.filter((scope) => !scopes.includes(scope));
    const hasGainedScopes = scopes.some((scope) => !credential.scopes.includes(scope));
    const dataAccess = known.dataAccessExpiresAt;
    const hasDataAccessChanged =
      credential.isRoot && dataAccess !== undefined && !sameInstant(dataAccess, credential.dataAccessExpiresAt);
    const write = (sql: SqlExecutor): Promise<void> =>
      this.writeCheck(sql, credential, known, { now, expiresAt, hasExpiryChanged, scopes });
    if (!hasExpiryChanged && lostScopes.length === 0 && !hasGainedScopes && !hasDataAccessChanged)
      return write(this.database);
    await this.database.transaction(async (tx) => {
      if (credential.isRoot)
        await updateConnectionFacts(tx, credential, {
          scopes,
          lostScopes,
          missingScopes: known.missingScopes,
          dataAccessExpiresAt: hasDataAccessChanged ? dataAccess : undefined,
          now,
        });
      await write(tx);
      const details = {
        kind: credential.kind,
        ...(hasExpiryChanged ? { expires_at: expiresAt } : {}),
        ...(hasDataAccessChanged ? { data_access_expires_at: dataAccess } : {}),
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

  private async writeCheck(
    sql: SqlExecutor,
    credential: ClaimedCredential,
    known: InspectedCredential,
    {
      now,
      expiresAt,
      hasExpiryChanged,
      scopes,
    }: { now: Date; expiresAt: Date | null; hasExpiryChanged: boolean; scopes: string[] },
  ): Promise<void> {
    const fraction = this.random.fraction();
    const written = await sql.run({
      name: 'credential_checked',
      text: `UPDATE credential c SET scopes = $5, issued_at = $6, expires_at = $7, last_checked_at = $8,
          health = CASE WHEN ${verificationRequestedSince('$15')} THEN health ELSE $4 END,
          check_due_at = CASE WHEN ${verificationRequestedSince('$15')} THEN check_due_at WHEN check_due_at < $13 THEN $14::timestamptz ELSE $9::timestamptz END,
          failure = CASE WHEN $10 THEN NULL ELSE failure END,
          refresh_after = CASE WHEN $11 THEN $12::timestamptz ELSE refresh_after END,
          refresh_due_at = CASE WHEN $11 THEN $12::timestamptz ELSE refresh_due_at END,
          claim_id = NULL, claimed_until = NULL, updated_at = $8
        WHERE id = $1 AND claim_id = $2 AND version = $3`,
      values: [
        credential.id,
        credential.claimId,
        credential.version,
        known.health,
        scopes,
        known.issuedAt ?? credential.issuedAt,
        expiresAt,
        now,
        this.nextCheckAt(now, fraction),
        credential.failure !== null && isCheckFailure(credential.failure),
        known.refreshAfter !== undefined && (hasExpiryChanged || credential.refreshDueAt === null),
        known.refreshAfter ?? null,
        addSeconds(now, -LATE_SECONDS),
        spreadCheckAt(now, fraction),
        credential.checkDueAt,
      ],
    });
    if (written !== 1) throw new ClaimLostError(`credential ${credential.id}`);
  }

  /** A page token that inspection found dead, or that its user token has to give again: due at once, for its connection's root lives. */
  async markPageForDerivation(credential: ClaimedCredential): Promise<void> {
    const now = this.clock.now();
    const written = await this.database.run({
      name: 'page_to_be_derived',
      text: `UPDATE credential SET health = 'invalid', last_checked_at = $4, check_due_at = $5, claim_id = NULL, claimed_until = NULL,
          refresh_after = CASE WHEN refresh_due_at IS NULL THEN $4 ELSE refresh_after END,
          refresh_due_at = CASE WHEN refresh_due_at IS NULL OR failure_attempts = 0 THEN $4 ELSE refresh_due_at END, updated_at = $4
        WHERE id = $1 AND claim_id = $2 AND version = $3`,
      values: [credential.id, credential.claimId, credential.version, now, this.nextCheckAt(now)],
    });
    if (written !== 1) throw new ClaimLostError(`credential ${credential.id}`);
  }

  /**
   * A page token that Meta gave again unchanged and that lives: nothing to do until its user token is renewed again. Where that happened
   * while the old one was asked, it stays due.
   */
  async recordUnchangedPage(credential: ClaimedCredential): Promise<void> {
    const now = this.clock.now();
    const written = await this.database.run({
      name: 'page_unchanged',
      text: `UPDATE credential SET health = 'healthy', failure = NULL, failure_attempts = 0, last_checked_at = $4, check_due_at = $5,
          refresh_after = CASE WHEN ${MADE_DUE_SINCE} THEN refresh_after END,
          refresh_due_at = CASE WHEN ${MADE_DUE_SINCE} THEN refresh_due_at END,
          claim_id = NULL, claimed_until = NULL, updated_at = $4
        WHERE id = $1 AND claim_id = $2 AND version = $3`,
      values: [
        credential.id,
        credential.claimId,
        credential.version,
        now,
        this.nextCheckAt(now),
        credential.refreshAfter,
      ],
    });
    if (written !== 1) throw new ClaimLostError(`credential ${credential.id}`);
  }

  /** There is nothing to renew now: it is not due any more, until its connection recovers or its user token is renewed. */
  async recordNotDue(credential: ClaimedCredential): Promise<void> {
    const written = await this.database.run({
      name: 'credential_not_due',
      text: `UPDATE credential SET refresh_due_at = CASE WHEN $4 THEN NULL ELSE refresh_due_at END, claim_id = NULL, claimed_until = NULL, updated_at = $5
        WHERE id = $1 AND claim_id = $2 AND version = $3`,
      values: [
        credential.id,
        credential.claimId,
        credential.version,
        credential.refreshDueAt !== null && credential.refreshDueAt <= this.clock.now(),
        this.clock.now(),
      ],
    });
    if (written !== 1) throw new ClaimLostError(`credential ${credential.id}`);
  }

  /** Somebody doubts the version that serves, and inspection could not be had: the next look inspects it. Needs no claim. */
  async requestVerification(credentialId: string, version: number): Promise<void> {
    await this.database.run({
      name: 'request_credential_verification',
      text: `UPDATE credential SET health = CASE WHEN health = 'invalid' THEN health ELSE 'unknown' END, check_due_at = $3, updated_at = $3
        WHERE id = $1 AND version = $2 AND secret_id IS NOT NULL`,
      values: [credentialId, version, this.clock.now()],
    });
  }

  /** A day on, less a little chance, so that what was connected together is not inspected together for ever. */
  private nextCheckAt(now: Date, fraction = this.random.fraction()): Date {
    return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.9 + fraction / 10));
  }

  private async auditFailure(
    tx: Transaction,
    credential: CredentialSnapshot,
    failure: CredentialFailure,
  ): Promise<void> {
    await this.audit.record(tx, {
      ...placeOf(credential),
      action: 'credential.refresh_failed',
      actor: SYSTEM,
      subjectId: credential.id,
      details: { code: failure.code, kind: credential.kind, version: credential.version, ...(failure.meta ?? {}) },
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

  /** 14, 7 and 1 days before the end of a root token whose renewal fails. */
  private async announceExpiry(tx: Transaction, credential: CredentialSnapshot, now: Date): Promise<void> {
    if (!credential.isRoot || credential.expiresAt === null || credential.status !== 'active') return;
    const days = noticeDays(credential.expiresAt, now);
    if (days === null) return;
    const first = await tx.run({
      text: `UPDATE credential SET expiry_noticed_for = $2, expiry_noticed_days = $3
        WHERE id = $1 AND (expiry_noticed_for IS DISTINCT FROM $2 OR expiry_noticed_days > $3)`,
      values: [credential.id, credential.expiresAt, days],
    });
    if (first === 1) await announceExpiring(tx, this.outbox, credential, 'token_expires', credential.expiresAt, days);
  }
}

/** An inspection that is this late waited for something that others waited for too. */
const LATE_SECONDS = 3 * HOUR_SECONDS;

/** After an outage all that waited is inspected together: over the next day, but for its first hours, it is spread again. */
function spreadCheckAt(now: Date, fraction: number): Date {
  return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.25 + fraction * 0.75));
}

/** $6 is what we know of it; our times have milliseconds, the column has more. */
const MADE_DUE_SINCE = `date_trunc('milliseconds', refresh_after) IS DISTINCT FROM $6::timestamptz`;

/** Failures of an inspection, which the next good inspection takes back. */
const CHECK_FAILURES: ReadonlySet<string> = new Set(['check_failed']);

function isCheckFailure(failure: CredentialFailure): boolean {
  return CHECK_FAILURES.has(failure.code);
}

function sameInstant(a: Date | null, b: Date | null): boolean {
  return a?.getTime() === b?.getTime();
}

function placeOf(credential: CredentialSnapshot): { tenant: string; product: string; connectionId: string } {
  return { tenant: credential.tenant, product: credential.product, connectionId: credential.connectionId };
}

interface ConnectionFacts {
  scopes: string[];
  lostScopes: string[];
  missingScopes: string[] | undefined;
  /** Undefined: it stays. Its notices begin anew where it moved. */
  dataAccessExpiresAt: Date | null | undefined;
  now: Date;
}

async function updateConnectionFacts(
  tx: Transaction,
  credential: CredentialSnapshot,
  { scopes, lostScopes, missingScopes, dataAccessExpiresAt, now }: ConnectionFacts,
): Promise<void> {
  await tx.run({
    name: 'connection_checked',
    text: `UPDATE connection SET scopes = $2, updated_at = $5,
        expiry_notice_due_at = CASE WHEN $3 THEN $4::timestamptz - interval '336 hours' ELSE expiry_notice_due_at END,
        data_access_expires_at = CASE WHEN $3 THEN $4::timestamptz ELSE data_access_expires_at END,
        ${scopeAssignmentsSql({ scopes: '$2', lost: '$6', missing: '$7', reported: '$8' }, 'status_reason')}
      WHERE id = $1 AND status <> 'revoked'`,
    values: [
      credential.connectionId,
      scopes,
      dataAccessExpiresAt !== undefined,
      dataAccessExpiresAt ?? null,
      now,
      lostScopes,
      missingScopesReasonJson(missingScopes, now),
      missingScopes !== undefined,
    ],
  });
}
