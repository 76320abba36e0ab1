import { Injectable } from '@nestjs/common';
import { type Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { PhoneRegistration } from '../connection/asset-details.ts';
import type { ConnectionId } from '../ids.ts';
import { type LockedConnection, lockConnection, updateStatusReason } from '../status/connection-status.repository.ts';
import { PHONE_NUMBER_NOT_REGISTERED, type StatusReason } from '../status/status-reason.ts';
import {
  type ConnectionPhoneNumber,
  hasFailedRegistration,
  listPhoneNumbers,
  lockRegistrationStatus,
  mergePhoneNumberDetails,
} from './asset.repository.ts';

export interface RegistrationFailure {
  detail: string;
  remedy: string;
  meta?: MetaCause;
}

interface RegistrationActor {
  actor: Actor;
  requestId: string | null;
}

/**
 * Records the outcome of registering a connection's numbers on the number, on the connection, and in the audit log.
 * Never the PIN.
 */
@Injectable()
export class PhoneRegistrationService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Ordered by id. */
  async listPhoneNumbers(connectionId: ConnectionId): Promise<ConnectionPhoneNumber[]> {
    return listPhoneNumbers(this.database, connectionId);
  }

  /** `phoneNumberId` null: no number could be tried. A failure changes only the connection's status reason. */
  async record(
    connectionId: ConnectionId,
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
      const connection = await lockConnection(tx, connectionId);
      if (connection === null || connection.status === 'revoked') return;
      const known = await lockRegistrationStatus(tx, connectionId, phoneNumberId);
      // A registered number stays registered even if a later PIN fails. Numbers of the WhatsApp Business app are never
      // ours to register.
      const isApplicable = known !== 'coexistence' && (failure === null || known !== 'registered');
      if (phoneNumberId !== null && isApplicable)
        await mergePhoneNumberDetails(tx, connectionId, phoneNumberId, { registration });
      const reason = isApplicable ? await this.statusReasonAfter(tx, connectionId, connection, failure) : undefined;
      if (reason !== undefined) await updateStatusReason(tx, connectionId, reason, at);
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

  /**
   * Undefined: leave as is. Failures don't replace a more serious reason; success clears only a reason that
   * registration caused.
   */
  private async statusReasonAfter(
    tx: Transaction,
    connectionId: ConnectionId,
    { status, statusReason: current }: LockedConnection,
    failure: RegistrationFailure | null,
  ): Promise<StatusReason | null | undefined> {
    if (status !== 'active' || (current !== null && current.code !== PHONE_NUMBER_NOT_REGISTERED)) return undefined;
    if (failure !== null)
      return { code: PHONE_NUMBER_NOT_REGISTERED, ...failure, since_at: this.clock.now().toISOString() };
    return (await hasFailedRegistration(tx, connectionId)) ? undefined : null;
  }
}
