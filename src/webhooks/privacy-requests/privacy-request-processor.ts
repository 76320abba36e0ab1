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
 * Processes what Meta asked for on behalf of a user: their connections are revoked, unless they connected again since; those are
 * inspected. A data deletion also erases. Each step is a transaction of its own and does nothing the second time, so that a crash
 * anywhere is repaired by starting over, and two replicas at once do no harm.
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

  /** Does nothing for a request that is completed. */
  async execute(request: PrivacyRequest): Promise<void> {
    const metaUserId = request.completedAt === null ? await this.requests.openUserId(request) : null;
    if (metaUserId === null) return;
    const counts = { revoked: 0, inspected: 0, erased: 0 };
    const connections = await findConnectionsOfUser(this.database, { appIds: request.appIds, metaUserId });
    for (const connection of connections) if (!connection.isRevoked) counts[await this.revoke(request, connection)]++;
    if (request.kind === 'data_deletion') {
      // Only now is it known whether the user's grant lives on in a connection that they made later.
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

  /** With what was received under the user's other id: once the connection is erased, nothing shows that it was theirs. */
  private erase({ id, tenant, metaUserIds }: UserConnection): Promise<boolean> {
    return this.eraser.erase(id, async (tx) => {
      await eraseRelayedEventsOfConnection(tx, id);
      await this.eraseUnmatched(tx, metaUserIds);
      // Where it was the tenant's last one, the keys go as well, so that nothing opens what Postgres has not overwritten yet.
      if (!(await hasConnection(tx, tenant))) await this.payloads.shred(tx, tenant);
    });
  }

  /** What was received about a user while no connection was theirs. */
  private async eraseUnmatched(tx: Transaction, metaUserIds: readonly string[]): Promise<void> {
    await eraseRelayedEvents(tx, await this.entryUsers.unlink(tx, metaUserIds));
  }
}
