import { Injectable } from '@nestjs/common';
import { AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { CHECK_INTERVAL_SECONDS } from '../credentials/credential-schedule.ts';
import type { CredentialSnapshot } from '../credentials/credential-snapshot.ts';
import { type ConnectionStatus, nextStatus, REASONS_DESPITE_VALID_TOKEN } from './connection-status.ts';
import { announceExpiring } from './expiry-announcement.ts';
import { nextNoticeAt, noticeDays } from './expiry-notices.ts';
import type { StatusReason } from './status-reason.ts';

export type DeathReason = Omit<StatusReason, 'since_at'>;

interface NoticeRow {
  id: string;
  tenant: string;
  product: string;
  data_access_expires_at: Date;
}

/** Turns confirmed verdicts on root tokens into states of connections. State, audit entry and event are one transaction. */
@Injectable()
export class ConnectionStatusService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /**
   * A confirmed verdict on the serving version of a root credential: `reauth_required` at once. False where it no longer counts:
   * another version serves by now, or the connection has been revoked. `isRecoverable`: it is inspected on, each day.
   */
  async markReauthRequired(
    credential: CredentialSnapshot,
    reason: DeathReason,
    { isRecoverable }: { isRecoverable: boolean },
  ): Promise<boolean> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const status = await lockStatus(tx, credential.connectionId);
      const next = status === null ? null : nextStatus(status, 'died');
      if (status === null || next === null) return false;
      const updatedCount = await tx.run({
        text: `UPDATE credential SET health = 'invalid', failure = NULL, failure_attempts = 0, last_checked_at = $3, refresh_due_at = NULL,
            check_due_at = $4, claim_id = NULL, claimed_until = NULL, updated_at = $3 WHERE id = $1 AND version = $2`,
        values: [
          credential.id,
          credential.version,
          now,
          isRecoverable ? addSeconds(now, CHECK_INTERVAL_SECONDS) : null,
        ],
      });
      if (updatedCount !== 1) return false;
      if (status === 'active') await this.endConnection(tx, credential, reason, now);
      return true;
    });
  }

  /** The token lives, and reaches nothing that the connection is for any more. Within a transaction that holds the active connection. */
  async markUnusable(
    tx: Transaction,
    of: { connectionId: string; tenant: string; product: string },
    reason: DeathReason,
  ): Promise<void> {
    await this.endConnection(tx, of, reason, this.clock.now());
  }

  /** Inspection finds the root token of a `reauth_required` connection valid again. False where that no longer counts. */
  async markRecovered(credential: CredentialSnapshot): Promise<boolean> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const status = await lockStatus(tx, credential.connectionId);
      if (status !== 'reauth_required' || nextStatus(status, 'recovered') !== 'active') return false;
      const valid = await tx.rows({
        text: `SELECT 1 FROM credential c JOIN connection n ON n.id = c.connection_id
          WHERE c.id = $1 AND c.version = $2 AND c.is_root AND coalesce(n.status_reason->>'code' <> ALL ($3), true) FOR UPDATE OF c`,
        values: [credential.id, credential.version, REASONS_DESPITE_VALID_TOKEN],
      });
      if (valid.length === 0) return false;
      await tx.run({
        text: `UPDATE connection SET status = 'active', status_reason = NULL, updated_at = $2 WHERE id = $1`,
        values: [credential.connectionId, now],
      });
      // What waited while the connection was down is due again; a renewal that was planned stays planned.
      await tx.run({
        text: `UPDATE credential SET refresh_due_at = refresh_after, updated_at = $2 WHERE connection_id = $1 AND refresh_after IS NOT NULL`,
        values: [credential.connectionId, now],
      });
      await this.audit.record(tx, {
        action: 'connection.recovered',
        actor: SYSTEM,
        ...placeOf(credential),
        details: { by: 'inspection' },
      });
      return true;
    });
  }

  /** Announces data access that ends (14, 7 and 1 days before), and ends what has ended. How many connections it looked at. */
  async processDataAccessExpiry(limit: number): Promise<number> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      const due = await tx.rows<NoticeRow>({
        name: 'expiry_notices_due',
        text: `SELECT id, tenant, product, data_access_expires_at FROM connection
          WHERE expiry_notice_due_at <= $1 ORDER BY expiry_notice_due_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
        values: [now, limit],
      });
      for (const row of due) await this.processNotice(tx, row, now);
      return due.length;
    });
  }

  private async processNotice(tx: Transaction, row: NoticeRow, now: Date): Promise<void> {
    const endsAt = row.data_access_expires_at;
    const nextAt = nextNoticeAt(endsAt, now);
    await tx.run({
      text: 'UPDATE connection SET expiry_notice_due_at = $2 WHERE id = $1',
      values: [row.id, nextAt],
    });
    const status = await lockStatus(tx, row.id);
    if (status !== 'active') return;
    const of = { connectionId: row.id, tenant: row.tenant, product: row.product };
    const days = noticeDays(endsAt, now);
    if (nextAt !== null && days !== null)
      await announceExpiring(tx, this.outbox, of, 'data_access_expires', endsAt, days);
    if (nextAt === null) await this.endConnection(tx, of, DATA_ACCESS_ENDED, now);
  }

  private async endConnection(
    tx: Transaction,
    of: { connectionId: string; tenant: string; product: string },
    reason: DeathReason,
    now: Date,
  ): Promise<void> {
    const place = placeOf(of);
    const statusReason: StatusReason = { ...reason, since_at: now.toISOString() };
    await tx.run({
      text: `UPDATE connection SET status = 'reauth_required', status_reason = $2, updated_at = $3 WHERE id = $1`,
      values: [of.connectionId, JSON.stringify(statusReason), now],
    });
    await tx.run({
      text: 'UPDATE credential SET refresh_due_at = NULL, updated_at = $2 WHERE connection_id = $1 AND refresh_due_at IS NOT NULL',
      values: [of.connectionId, now],
    });
    const meta = reason.meta === undefined ? {} : { meta: reason.meta };
    await this.audit.record(tx, {
      action: 'connection.reauth_required',
      actor: SYSTEM,
      ...place,
      details: { code: reason.code, ...meta },
    });
    await this.outbox.add(tx, {
      ...place,
      type: 'connection.reauth_required',
      data: {
        connection_id: of.connectionId,
        tenant: of.tenant,
        product: of.product,
        status: 'reauth_required',
        reason: { code: reason.code, detail: reason.detail, remedy: reason.remedy, ...meta },
      },
    });
  }
}

const DATA_ACCESS_ENDED: DeathReason = defineErrorCode('status_reason', {
  code: 'data_access_expired',
  detail: "The person's permission to use their data has ended, 90 days after they last used the app.",
  remedy: 'Send the person through the login again; the connection keeps its id.',
});

function placeOf(of: { connectionId: string; tenant: string; product: string }): {
  connectionId: string;
  tenant: string;
  product: string;
} {
  return { connectionId: of.connectionId, tenant: of.tenant, product: of.product };
}

async function lockStatus(tx: Transaction, connectionId: string): Promise<ConnectionStatus | null> {
  const [row] = await tx.rows<{ status: ConnectionStatus }>({
    name: 'connection_lock',
    text: 'SELECT status FROM connection WHERE id = $1 FOR UPDATE',
    values: [connectionId],
  });
  return row?.status ?? null;
}
