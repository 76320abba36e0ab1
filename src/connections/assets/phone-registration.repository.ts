import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { StatusReason } from '../connection/status-reason.ts';
import type { AssetDetails, PhoneRegistration } from './asset-details.ts';

/** The status reason of a connection one of whose numbers could not be registered. */
export const PHONE_NUMBER_NOT_REGISTERED = 'phone_number_not_registered';

defineErrorCode('status_reason', {
  code: PHONE_NUMBER_NOT_REGISTERED,
  detail: 'A phone number could not be registered for the Cloud API.',
  remedy:
    'Do what the remedy on the connection says, then POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register.',
});

/** A phone number of a connection, and the credential that reaches it. */
export interface ConnectionPhoneNumber {
  id: string;
  wabaId: string | null;
  credentialId: string;
}

export interface RegistrationFailure {
  detail: string;
  remedy: string;
  meta?: MetaCause;
}

interface RegistrationActor {
  actor: Actor;
  requestId: string | null;
}

interface LockedConnection extends Record<string, unknown> {
  tenant: string;
  product: string;
  status: string;
  status_reason: StatusReason | null;
}

/** How registering the numbers of a connection ended: on the number, on the connection, in the record. Never the pin. */
@Injectable()
export class PhoneRegistrationRepository {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** The numbers of a connection, by id. */
  async listPhoneNumbers(connectionId: string): Promise<ConnectionPhoneNumber[]> {
    const rows = await this.database.rows<{ id: string; parent_id: string | null; credential_id: string }>({
      text: `SELECT id, parent_id, credential_id FROM asset WHERE connection_id = $1 AND type = 'phone_number' ORDER BY id`,
      values: [connectionId],
    });
    return rows.map((row) => ({ id: row.id, wabaId: row.parent_id, credentialId: row.credential_id }));
  }

  /** `phoneNumberId` null: no number could be tried. A failure leaves the connection as it is, but for a reason that says what to do. */
  async record(
    connectionId: string,
    phoneNumberId: string | null,
    failure: RegistrationFailure | null,
    by: RegistrationActor,
  ): Promise<void> {
    const at = this.clock.now();
    const registration: PhoneRegistration = {
      status: failure === null ? 'registered' : 'failed',
      at: at.toISOString(),
      ...failure,
    };
    await this.database.transaction(async (tx) => {
      const connection = await lock(tx, connectionId);
      if (connection === undefined || connection.status === 'revoked') return;
      const isApplicable = failure === null || !(await isRegistered(tx, connectionId, phoneNumberId));
      if (phoneNumberId !== null && isApplicable) await saveDetails(tx, connectionId, phoneNumberId, { registration });
      const reason = isApplicable ? await this.statusReasonAfter(tx, connectionId, connection, failure) : undefined;
      if (reason !== undefined) {
        await tx.run({
          text: 'UPDATE connection SET status_reason = $2, updated_at = $3 WHERE id = $1',
          values: [connectionId, reason === null ? null : JSON.stringify(reason), at],
        });
      }
      await this.audit.record(tx, {
        action: failure === null ? 'phone_number.registered' : 'phone_number.registration_failed',
        actor: by.actor,
        requestId: by.requestId,
        tenant: connection.tenant,
        product: connection.product,
        connectionId,
        subjectId: phoneNumberId,
        details: failure === null ? {} : { detail: failure.detail, meta: failure.meta ?? {} },
      });
    });
  }

  /** Undefined: it stays. A graver reason is not covered up; a success takes back what only registering was the cause of. */
  private async statusReasonAfter(
    tx: Transaction,
    connectionId: string,
    { status, status_reason: now }: LockedConnection,
    failure: RegistrationFailure | null,
  ): Promise<StatusReason | null | undefined> {
    if (status !== 'active' || (now !== null && now.code !== PHONE_NUMBER_NOT_REGISTERED)) return undefined;
    if (failure !== null)
      return { code: PHONE_NUMBER_NOT_REGISTERED, ...failure, since_at: this.clock.now().toISOString() };
    const failed = await tx.rows({
      text: `SELECT 1 FROM asset WHERE connection_id = $1 AND details->'registration'->>'status' = 'failed' LIMIT 1`,
      values: [connectionId],
    });
    return failed.length > 0 ? undefined : null;
  }
}

async function lock(tx: Transaction, connectionId: string): Promise<LockedConnection | undefined> {
  const [row] = await tx.rows<LockedConnection>({
    text: 'SELECT tenant, product, status, status_reason FROM connection WHERE id = $1 FOR UPDATE',
    values: [connectionId],
  });
  return row;
}

/** A number that is registered stays so, whatever pin is tried then. */
async function isRegistered(tx: Transaction, connectionId: string, id: string | null): Promise<boolean> {
  const rows = await tx.rows({
    text: `SELECT 1 FROM asset WHERE connection_id = $1 AND type = 'phone_number' AND id = $2
      AND details->'registration'->>'status' = 'registered'`,
    values: [connectionId, id],
  });
  return rows.length > 0;
}

async function saveDetails(tx: Transaction, connectionId: string, id: string, details: AssetDetails): Promise<void> {
  await tx.run({
    text: `UPDATE asset SET details = coalesce(details, '{}') || $3::jsonb
      WHERE connection_id = $1 AND type = 'phone_number' AND id = $2`,
    values: [connectionId, id, JSON.stringify(details)],
  });
}
