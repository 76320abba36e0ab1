import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { type ConnectionPlace, placeOf } from '../connection-place.ts';
import {
  lockServingRootCredential,
  resumeCredentialRefreshes,
  stopCredentialRefreshes,
  updateDeadCredential,
} from '../credentials/credential.repository.ts';
import { CHECK_INTERVAL_SECONDS } from '../credentials/credential-schedule.ts';
import type { CredentialSnapshot } from '../credentials/credential-snapshot.ts';
import {
  type DueNotice,
  lockConnection,
  lockDueExpiryNotices,
  scheduleExpiryNotice,
  updateConnectionStatus,
} from '../status/connection-status.repository.ts';
import { type ConnectionStatus, nextStatus, requireNextStatus } from '../status/connection-status.ts';
import { announceExpiring } from '../status/expiry-announcement.ts';
import { nextNoticeAt, noticeDays } from '../status/expiry-notices.ts';
import { type DeathReason, REASONS_DESPITE_VALID_TOKEN } from '../status/status-reason.ts';
import { reauthRequiredEvent } from './reauth-required-event.ts';

/**
 * Changes connections' status after confirmed verdicts on their root tokens. Status, audit entry, and event share a
 * transaction.
 */
@Injectable()
export class ConnectionStatusService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /**
   * Sets `reauth_required` after a confirmed verdict on the serving version of a root credential. False if no longer
   * applicable: another version serves, or the connection was revoked. `isRecoverable`: keep inspecting daily.
   */
  async markReauthRequired(
    credential: CredentialSnapshot,
    reason: DeathReason,
    { isRecoverable }: { isRecoverable: boolean },
  ): Promise<boolean> {
    const now = this.clock.now();
    const nextCheckAt = isRecoverable ? addSeconds(now, CHECK_INTERVAL_SECONDS) : null;
    return this.database.transaction(async (tx) => {
      const connection = await lockConnection(tx, credential.connectionId);
      if (connection === null || nextStatus(connection.status, 'died') === null) return false;
      const { id: credentialId, version } = credential;
      if (!(await updateDeadCredential(tx, { credentialId, version, nextCheckAt, now }))) return false;
      if (connection.status === 'active') await this.end(tx, credential, connection.status, reason, now);
      return true;
    });
  }

  /**
   * For a live token that no longer reaches what the connection is for. The transaction must hold the lock on the
   * active connection.
   */
  async markUnusable(tx: Transaction, of: ConnectionPlace, reason: DeathReason): Promise<void> {
    await this.end(tx, of, 'active', reason, this.clock.now());
  }

  /**
   * Reactivates a `reauth_required` connection whose root token inspection found valid again. False if no longer
   * applicable.
   */
  async markRecovered(credential: CredentialSnapshot): Promise<boolean> {
    const now = this.clock.now();
    const { id, version, connectionId } = credential;
    return this.database.transaction(async (tx) => {
      const connection = await lockConnection(tx, connectionId);
      if (connection?.status !== 'reauth_required') return false;
      const next = nextStatus(connection.status, 'recovered');
      const code = connection.statusReason?.code;
      if (next === null || (code !== undefined && REASONS_DESPITE_VALID_TOKEN.includes(code))) return false;
      if (!(await lockServingRootCredential(tx, id, version))) return false;
      const state = await updateConnectionStatus(tx, connectionId, next, null, now);
      await resumeCredentialRefreshes(tx, connectionId, now);
      await this.audit.record(tx, {
        action: 'connection.recovered',
        actor: SYSTEM,
        ...placeOf(credential),
        details: { by: 'inspection', ...state },
      });
      return true;
    });
  }

  /**
   * Announces the end of data access 14, 7, and 1 days ahead, and ends connections whose access has ended. Returns how
   * many were due.
   */
  async processDataAccessExpiry(limit: number): Promise<number> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const due = await lockDueExpiryNotices(tx, now, limit);
      for (const notice of due) await this.processNotice(tx, notice, now);
      return due.length;
    });
  }

  private async processNotice(tx: Transaction, notice: DueNotice, now: Date): Promise<void> {
    const { connectionId, dataAccessExpiresAt: endsAt } = notice;
    const nextAt = nextNoticeAt(endsAt, now);
    await scheduleExpiryNotice(tx, connectionId, nextAt);
    const connection = await lockConnection(tx, connectionId);
    if (connection?.status !== 'active') return;
    const days = noticeDays(endsAt, now);
    if (nextAt !== null && days !== null)
      await announceExpiring(tx, this.outbox, notice, 'data_access_expires', endsAt, days);
    if (nextAt === null) await this.end(tx, notice, connection.status, DATA_ACCESS_ENDED, now);
  }

  private async end(
    tx: Transaction,
    of: ConnectionPlace,
    status: ConnectionStatus,
    reason: DeathReason,
    now: Date,
  ): Promise<void> {
    const next = requireNextStatus(status, 'died');
    const since = { ...reason, since_at: now.toISOString() };
    const state = await updateConnectionStatus(tx, of.connectionId, next, since, now);
    await stopCredentialRefreshes(tx, of.connectionId, now);
    await this.audit.record(tx, {
      action: 'connection.reauth_required',
      actor: SYSTEM,
      ...placeOf(of),
      details: { code: reason.code, ...(reason.meta === undefined ? {} : { meta: reason.meta }), ...state },
    });
    await this.outbox.add(tx, reauthRequiredEvent(of, reason));
  }
}

const DATA_ACCESS_ENDED: DeathReason = defineErrorCode('status_reason', {
  code: 'data_access_expired',
  detail: "The user's permission to use their data has ended, 90 days after they last used the app.",
  remedy: 'Send the user through the login again; the connection keeps its id.',
});
