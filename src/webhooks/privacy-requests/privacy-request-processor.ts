import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { findConnectionsOfUser, type UserConnection } from '../../connections/connection/user-connections.query.ts';
import { VerificationRequests } from '../../connections/connection/verification-requests.ts';
import { ConnectionEraser } from '../../connections/revocation/connection-eraser.ts';
import { ConnectionRevoker } from '../../connections/revocation/connection-revoker.ts';
import { hasConnection } from '../../connections/revocation/erased-connection.repository.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { eraseRelayedEvents, eraseRelayedEventsOfConnection } from '../../events/outbox/event-payload.repository.ts';
import { TenantPayloads } from '../../events/outbox/tenant-payloads.ts';
import { ImmediateInspectionService } from '../../lifecycle/inspection/immediate-inspection.service.ts';
import { META_ACTOR } from '../signature-rejections.ts';
import { WebhookEntryUsers } from '../webhook-entry-users.ts';
import type { PrivacyRequest } from './privacy-request.repository.ts';
import { PrivacyRequestService } from './privacy-request.service.ts';

/**
 * Carries out what Meta requested on a user's behalf: revokes their connections, except those authorized again since,
 * which are inspected. A data deletion also erases. Each step is its own idempotent transaction, so a crash is repaired
 * by starting over, and two replicas at once do no harm.
 */
@Injectable()
export class PrivacyRequestProcessor {
  constructor(
    private readonly database: Database,
    private readonly requests: PrivacyRequestService,
    private readonly revocation: ConnectionRevoker,
    private readonly eraser: ConnectionEraser,
    private readonly verificationRequests: VerificationRequests,
    private readonly inspection: ImmediateInspectionService,
    private readonly entryUsers: WebhookEntryUsers,
    private readonly payloads: TenantPayloads,
    private readonly audit: AuditLog,
  ) {}

  /** Does nothing for completed requests. */
  async execute(request: PrivacyRequest): Promise<void> {
    const metaUserId = request.completedAt === null ? await this.requests.openUserId(request) : null;
    if (metaUserId === null) return;
    const counts = { revoked: 0, inspected: 0, erased: 0 };
    const connections = await findConnectionsOfUser(this.database, { appIds: request.appIds, metaUserId });
    for (const connection of connections) if (!connection.isRevoked) counts[await this.revoke(request, connection)]++;
    if (request.kind === 'data_deletion') {
      // Only now is it known whether a later connection keeps the user's grant alive.
      for (const connection of connections) if (await this.erase(connection)) counts.erased++;
      await this.database.transaction((tx) => this.eraseUnmatched(tx, [metaUserId]));
    }
    await this.requests.complete(request, counts);
    if (counts.inspected > 0) this.inspection.trigger();
  }

  private async revoke(request: PrivacyRequest, connection: UserConnection): Promise<'revoked' | 'inspected'> {
    const reason = request.kind === 'deauthorize' ? 'deauthorized' : 'data_deletion';
    const by = { actor: META_ACTOR, requestId: request.requestId, reason };
    const revoked = await this.revocation.revokeAsRemovedAtMeta(connection.id, by, request.issuedAt);
    if (revoked !== 'authorized_later') return 'revoked';
    await this.database.transaction(async (tx) => {
      await this.verificationRequests.requestVerification(tx, [connection.id]);
      await this.audit.record(tx, {
        action: 'connection.doubted',
        actor: META_ACTOR,
        tenant: connection.tenant,
        product: connection.product,
        connectionId: connection.id,
        requestId: request.requestId,
        details: { reason, because: 'authorized_later' },
      });
    });
    return 'inspected';
  }

  /** Also erases what arrived under the user's other id: once the connection is erased, nothing shows it was theirs. */
  private erase({ id, tenant, metaUserIds }: UserConnection): Promise<boolean> {
    return this.eraser.erase(id, async (tx) => {
      await eraseRelayedEventsOfConnection(tx, id);
      await this.eraseUnmatched(tx, metaUserIds);
      // After a tenant's last connection, shred its keys too, so that rows not yet overwritten by Postgres can't be
      // read.
      if (!(await hasConnection(tx, tenant))) await this.payloads.shred(tx, tenant);
    });
  }

  /** Erases what arrived about a user who had no connection. */
  private async eraseUnmatched(tx: Transaction, metaUserIds: readonly string[]): Promise<void> {
    await eraseRelayedEvents(tx, await this.entryUsers.unlink(tx, metaUserIds));
  }
}
