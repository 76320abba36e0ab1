import { Injectable } from '@nestjs/common';
import { type Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import { ConnectionLeases } from '../connection-leases.ts';
import { credentialKindRules } from '../credentials/credential-kind-rules.ts';
import { CredentialWriter } from '../credentials/credential-writer.ts';
import type { ConnectionId } from '../ids.ts';
import { type ProviderRevocationStatus, requireNextStatus } from '../status/connection-status.ts';
import {
  confirmSharedRevocations,
  findRevocableRoot,
  hasLiveSibling,
  hasSiblingAuthorizedLater,
  lockRevocableConnection,
  type RevocableConnection,
  updateRevokedConnection,
} from './connection-revocation.repository.ts';
import { insertProviderRevocation } from './provider-revocation.repository.ts';

export interface RevokedConnection {
  id: ConnectionId;
  revokedAt: Date;
  /** Leases that were active until now. */
  leasesRevoked: number;
  providerRevocation: ProviderRevocationStatus;
}

export interface RevocationSource {
  actor: Actor;
  requestId: string | null;
  reason: string;
}

/** Allows for clock skew between Meta and us, and for slow authorizations. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * Ends a connection here, immediately and permanently. `lifecycle` then revokes at Meta, using the one token kept for
 * that.
 */
@Injectable()
export class ConnectionRevoker {
  constructor(
    private readonly database: Database,
    private readonly credentials: CredentialWriter,
    private readonly leases: ConnectionLeases,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /**
   * Null: no such connection. Repeating it changes nothing and returns the same, except that no lease is left to end.
   */
  async revoke(id: ConnectionId, by: RevocationSource): Promise<RevokedConnection | null> {
    return this.database.transaction(async (tx) => {
      const subject = await lockRevocableConnection(tx, id);
      return subject === null ? null : this.end(tx, id, subject, by, { removedAt: null });
    });
  }

  /**
   * Revokes because Meta reported at `reportedAt` that the user's grant is gone. Keeps no token, as there is nothing to
   * revoke at Meta. `authorized_later`: the user reconnected more than a minute after the report, so nothing is done.
   * An unknown time (null) proves nothing against any authorization.
   */
  async revokeAsRemovedAtMeta(
    id: ConnectionId,
    by: RevocationSource,
    reportedAt: Date | null,
  ): Promise<RevokedConnection | 'authorized_later' | null> {
    return this.database.transaction(async (tx) => {
      const subject = await lockRevocableConnection(tx, id);
      if (subject === null) return null;
      const isOutdated =
        reportedAt === null || subject.authorizedAt.getTime() - reportedAt.getTime() > CLOCK_TOLERANCE_MS;
      if (isOutdated && subject.revokedAt === null) return 'authorized_later';
      return this.end(tx, id, subject, by, { removedAt: reportedAt });
    });
  }

  private async end(
    tx: Transaction,
    id: ConnectionId,
    subject: RevocableConnection,
    by: RevocationSource,
    { removedAt }: { removedAt: Date | null },
  ): Promise<RevokedConnection> {
    if (subject.status === 'revoked') {
      const providerRevocation = subject.providerRevocation ?? 'not_supported';
      return { id, revokedAt: subject.revokedAt, leasesRevoked: 0, providerRevocation };
    }
    const now = this.clock.now();
    const providerRevocation =
      removedAt === null
        ? await this.destroyTokens(tx, id, subject, now)
        : await this.destroyTokensOfRemovedGrant(tx, id, subject, { removedAt, now });
    const status = requireNextStatus(subject.status, 'revoked');
    const state = await updateRevokedConnection(tx, { connectionId: id, status, providerRevocation, now });
    const leasesRevoked = await this.leases.end(tx, id, now);
    const of = { tenant: subject.tenant, product: subject.product, connectionId: id };
    const outcome = { leases_revoked: leasesRevoked, provider_revocation: providerRevocation };
    const details = { reason: by.reason, ...outcome, ...state };
    await this.audit.record(tx, {
      ...of,
      action: 'connection.revoked',
      actor: by.actor,
      requestId: by.requestId,
      details,
    });
    await this.outbox.add(tx, {
      ...of,
      type: 'connection.revoked',
      data: { connection_id: id, tenant: of.tenant, product: of.product, status: 'revoked', reason: by.reason },
    });
    return { id, revokedAt: now, leasesRevoked, providerRevocation };
  }

  /** Destroys the tokens, except the root token if Meta must still be asked to revoke. */
  private async destroyTokens(
    tx: Transaction,
    id: ConnectionId,
    subject: RevocableConnection,
    now: Date,
  ): Promise<ProviderRevocationStatus> {
    const root = await findRevocableRoot(tx, id);
    const isShared = await hasLiveSibling(tx, id, subject);
    if (root === null || root.secretId === null || !credentialKindRules(root.kind).isRevocable) {
      await this.credentials.destroyAll(tx, id, null, now);
      return 'not_supported';
    }
    // Meta revokes the user's whole grant for the app, which would also kill the other connection's token
    // (docs/meta-facts.md#revoking-a-grant).
    if (isShared) {
      await this.credentials.destroyAll(tx, id, null, now);
      return 'shared';
    }
    const { credentialId, version, secretId } = root;
    await this.credentials.destroyAll(tx, id, secretId, now);
    await insertProviderRevocation(tx, { connectionId: id, credentialId, version, secretId, now });
    return 'pending';
  }

  /**
   * Keeps no token and confirms revocations that waited for this grant to end. If the same user has since authorized
   * another connection, the grant is alive again and nothing is confirmed.
   */
  private async destroyTokensOfRemovedGrant(
    tx: Transaction,
    id: ConnectionId,
    subject: RevocableConnection,
    { removedAt, now }: { removedAt: Date; now: Date },
  ): Promise<ProviderRevocationStatus> {
    await this.credentials.destroyAll(tx, id, null, now);
    await this.credentials.forgetTokensToRevoke(tx, id);
    const grantedAgainAfter = new Date(removedAt.getTime() + CLOCK_TOLERANCE_MS);
    if (await hasSiblingAuthorizedLater(tx, id, subject, grantedAgainAfter)) return 'shared';
    if (!(await hasLiveSibling(tx, id, subject))) await confirmSharedRevocations(tx, subject, now);
    return 'confirmed';
  }
}
