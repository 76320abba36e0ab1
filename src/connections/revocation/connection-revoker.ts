import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import { lockMetaUser } from '../authorization/meta-user-lock.ts';
import type { ConnectionStatus, ProviderRevocationStatus } from '../connection/connection-status.ts';
import type { CredentialKind } from '../credentials/credential-kind.ts';
import { credentialKindRules } from '../credentials/credential-kind-rules.ts';
import { CredentialWriter } from '../credentials/credential-writer.ts';

export interface RevokedConnection {
  id: string;
  revokedAt: Date;
  /** Leases that lived until now. */
  leasesRevoked: number;
  providerRevocation: ProviderRevocationStatus;
}

/** Who revokes and why. */
export interface RevocationSource {
  actor: Actor;
  requestId: string | null;
  reason: string;
}

interface RevocableRow {
  status: ConnectionStatus;
  tenant: string;
  product: string;
  app_id: string;
  meta_user_id: string;
  authorized_at: Date;
  revoked_at: Date | null;
  provider_revocation: ProviderRevocationStatus | null;
}

interface RootRow {
  id: string;
  kind: CredentialKind;
  version: number;
  secret_id: string | null;
}

/** Meta's clock and ours, and an authorization that took its time. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Ends a connection here, at once and for good. Revoking at Meta is done afterwards, by `lifecycle`, with the one token kept for it. */
@Injectable()
export class ConnectionRevoker {
  constructor(
    private readonly database: Database,
    private readonly credentials: CredentialWriter,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /** Null where there is no such connection. A second call changes nothing and answers the same (no lease is left to end). */
  async revoke(id: string, by: RevocationSource): Promise<RevokedConnection | null> {
    return this.database.transaction(async (tx) => {
      const subject = await this.lock(tx, id);
      return subject === null ? null : this.end(tx, id, subject, by, { isRemovedAtMeta: false });
    });
  }

  /**
   * Revokes because Meta said, at `reportedAt`, that the person's grant is gone: there is nothing to revoke at Meta, so no token is kept.
   * `authorized_later`: the person has connected again, more than a minute after that; nothing is done then. An unknown `reportedAt` (null)
   * proves nothing against any authorization.
   */
  async revokeAsRemovedAtMeta(
    id: string,
    by: RevocationSource,
    reportedAt: Date | null,
  ): Promise<RevokedConnection | 'authorized_later' | null> {
    return this.database.transaction(async (tx) => {
      const subject = await this.lock(tx, id);
      if (subject === null) return null;
      const isOutdated =
        reportedAt === null || subject.authorized_at.getTime() - reportedAt.getTime() > CLOCK_TOLERANCE_MS;
      if (isOutdated && subject.revoked_at === null) return 'authorized_later';
      return this.end(tx, id, subject, by, { isRemovedAtMeta: true });
    });
  }

  private async end(
    tx: Transaction,
    id: string,
    subject: RevocableRow,
    by: RevocationSource,
    { isRemovedAtMeta }: { isRemovedAtMeta: boolean },
  ): Promise<RevokedConnection> {
    if (subject.revoked_at !== null) {
      const providerRevocation = subject.provider_revocation ?? 'not_supported';
      return { id, revokedAt: subject.revoked_at, leasesRevoked: 0, providerRevocation };
    }
    const now = this.clock.now();
    const providerRevocation = isRemovedAtMeta
      ? await this.destroyTokensOfRemovedGrant(tx, id, subject, now)
      : await this.destroyTokens(tx, id, subject, now);
    await tx.run({
      text: `UPDATE connection SET status = 'revoked', status_reason = NULL, revoked_at = $2, updated_at = $2, provider_revocation = $3
          WHERE id = $1`,
      values: [id, now, providerRevocation],
    });
    // A lease is good only while its connection is active, so this is the record, not the lock on the door.
    const leasesRevoked = await tx.run({
      text: 'UPDATE lease SET ended_at = $2 WHERE connection_id = $1 AND expires_at > $2 AND ended_at IS NULL',
      values: [id, now],
    });
    const of = { tenant: subject.tenant, product: subject.product, connectionId: id };
    const details = { reason: by.reason, leases_revoked: leasesRevoked, provider_revocation: providerRevocation };
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

  /** Locks the Meta user first, then the row: the order in which connecting locks them. */
  private async lock(tx: Transaction, id: string): Promise<RevocableRow | null> {
    const [found] = await tx.rows<{ app_id: string; meta_user_id: string }>({
      text: 'SELECT app_id, meta_user_id FROM connection WHERE id = $1',
      values: [id],
    });
    if (found === undefined) return null;
    await lockMetaUser(tx, found.app_id, found.meta_user_id);
    const [row] = await tx.rows<RevocableRow>({
      text: `SELECT status, tenant, product, app_id, meta_user_id, authorized_at, revoked_at, provider_revocation
        FROM connection WHERE id = $1 FOR UPDATE`,
      values: [id],
    });
    return row ?? null;
  }

  /** Destroys the tokens, but keeps the root token where Meta still has to be told. */
  private async destroyTokens(
    tx: Transaction,
    id: string,
    subject: RevocableRow,
    now: Date,
  ): Promise<ProviderRevocationStatus> {
    const [root] = await tx.rows<RootRow>({
      text: 'SELECT id, kind, version, secret_id FROM credential WHERE connection_id = $1 AND is_root',
      values: [id],
    });
    const isShared = await this.hasLiveSibling(tx, id, subject);
    if (root === undefined || root.secret_id === null || !credentialKindRules(root.kind).isRevocable) {
      await this.credentials.destroyAll(tx, id, null, now);
      return 'not_supported';
    }
    // Meta takes away the person's whole grant for the app: that would kill the other connection's token too.
    if (isShared) {
      await this.credentials.destroyAll(tx, id, null, now);
      return 'shared';
    }
    await this.credentials.destroyAll(tx, id, root.secret_id, now);
    await tx.run({
      text: `INSERT INTO provider_revocation (connection_id, credential_id, version, secret_id, next_attempt_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5)`,
      values: [id, root.id, root.version, root.secret_id, now],
    });
    return 'pending';
  }

  /** Nothing is kept, and those whose revocation waited for the end of this grant have it too. */
  private async destroyTokensOfRemovedGrant(
    tx: Transaction,
    id: string,
    subject: RevocableRow,
    now: Date,
  ): Promise<ProviderRevocationStatus> {
    await this.credentials.destroyAll(tx, id, null, now);
    if (await this.hasLiveSibling(tx, id, subject)) return 'confirmed';
    await tx.run({
      text: `UPDATE connection SET provider_revocation = 'confirmed', updated_at = $3
        WHERE app_id = $1 AND meta_user_id = $2 AND provider_revocation = 'shared'`,
      values: [subject.app_id, subject.meta_user_id, now],
    });
    return 'confirmed';
  }

  private async hasLiveSibling(tx: Transaction, id: string, subject: RevocableRow): Promise<boolean> {
    const rows = await tx.rows({
      text: `SELECT 1 FROM connection WHERE app_id = $1 AND meta_user_id = $2 AND id <> $3 AND status = 'active' LIMIT 1`,
      values: [subject.app_id, subject.meta_user_id, id],
    });
    return rows.length > 0;
  }
}
