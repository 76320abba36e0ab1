import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { VerificationRequests } from '../../connections/connection/verification-requests.ts';
import { ConnectionEraser } from '../../connections/revocation/connection-eraser.ts';
import { ConnectionRevoker } from '../../connections/revocation/connection-revoker.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { eraseRelayedEvents, eraseRelayedEventsOfConnection } from '../../events/outbox/relayed-event.repository.ts';
import { ImmediateInspectionService } from '../../lifecycle/inspection/immediate-inspection.service.ts';
import { META_ACTOR } from '../signature-rejections.ts';
import { type PrivacyRequest, PrivacyRequestRepository } from './privacy-request.repository.ts';

interface UserConnection {
  id: string;
  /** All ids of the person that it knows. */
  metaUserIds: string[];
  tenant: string;
  product: string;
  isRevoked: boolean;
}

/**
 * Carries out what Meta asked for in the name of a person (CONTRACT 8): their connections are revoked, unless they connected again
 * since; those are inspected. A data deletion erases besides. Each step is a transaction of its own and finds nothing to do the second
 * time, so that a crash anywhere is mended by beginning again, and two replicas at once do no harm.
 */
@Injectable()
export class PrivacyRequestProcessor {
  constructor(
    private readonly database: Database,
    private readonly requests: PrivacyRequestRepository,
    private readonly revocation: ConnectionRevoker,
    private readonly eraser: ConnectionEraser,
    private readonly verificationRequests: VerificationRequests,
    private readonly inspection: ImmediateInspectionService,
    private readonly audit: AuditLog,
  ) {}

  /** Nothing happens where it was carried out before. */
  async execute(request: PrivacyRequest): Promise<void> {
    const { metaUserId } = request;
    if (request.completedAt !== null || metaUserId === null) return;
    const counts = { revoked: 0, inspected: 0, erased: 0 };
    for (const connection of await this.connectionsOf(request.appIds, metaUserId)) {
      if (!connection.isRevoked) counts[await this.revoke(request, connection)]++;
      if (request.kind === 'data_deletion' && (await this.erase(connection))) counts.erased++;
    }
    if (request.kind === 'data_deletion') await this.database.transaction((tx) => eraseUnmatched(tx, [metaUserId]));
    await this.requests.complete(request, counts);
    if (counts.inspected > 0) this.inspection.trigger();
  }

  private async connectionsOf(appIds: readonly string[], metaUserId: string): Promise<UserConnection[]> {
    const rows = await this.database.rows<UserConnectionRow>({
      // Instagram may name the person by the id of their account or by the one that they have for our app (META.md 7).
      text: `SELECT id, tenant, product, status, meta_user_id, app_scoped_user_id FROM connection
        WHERE app_id = ANY ($1) AND (meta_user_id = $2 OR app_scoped_user_id = $2) ORDER BY id`,
      values: [appIds, metaUserId],
    });
    return rows.map(({ id, tenant, product, status, ...ids }) => ({
      id,
      tenant,
      product,
      isRevoked: status === 'revoked',
      metaUserIds: [ids.meta_user_id, ids.app_scoped_user_id].filter((one) => one !== null),
    }));
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

  /** With what came under the person's other id: once the connection is erased, nobody knows that it was theirs. */
  private erase({ id, metaUserIds }: UserConnection): Promise<boolean> {
    return this.eraser.erase(id, async (tx) => {
      await eraseRelayedEventsOfConnection(tx, id);
      await eraseUnmatched(tx, metaUserIds);
    });
  }
}

interface UserConnectionRow extends Record<string, unknown> {
  id: string;
  tenant: string;
  product: string;
  status: string;
  meta_user_id: string;
  app_scoped_user_id: string | null;
}

/** What came about a person while no connection was theirs. */
async function eraseUnmatched(tx: Transaction, metaUserIds: readonly string[]): Promise<void> {
  const entries = await tx.rows<{ event_id: string | null }>({
    text: `UPDATE webhook_entry e SET meta_user_id = NULL, event_id = NULL
      FROM (SELECT hash, event_id FROM webhook_entry WHERE meta_user_id = ANY ($1) FOR UPDATE) old
      WHERE e.hash = old.hash RETURNING old.event_id`,
    values: [metaUserIds],
  });
  await eraseRelayedEvents(
    tx,
    entries.flatMap(({ event_id }) => event_id ?? []),
  );
}
