import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { Vault } from '../../vault/vault.ts';
import { lockMetaUser } from '../authorization/meta-user-lock.ts';
import { ClaimLostError } from '../claim-lost-error.ts';
import type { CredentialKind } from '../credentials/credential-kind.ts';
import { credentialContext } from '../credentials/seal-contexts.ts';
import type { ProviderRevocationStatus } from '../status/connection-status.ts';

/** A revocation that Meta has still to be told of, claimed. */
export interface ClaimedRevocation {
  connectionId: string;
  tenant: string;
  product: string;
  appId: string;
  metaUserId: string;
  credentialId: string;
  kind: CredentialKind;
  version: number;
  secretId: string | null;
  attempts: number;
  claimId: string;
}

interface RevocationRow {
  connection_id: string;
  tenant: string;
  product: string;
  app_id: string;
  meta_user_id: string;
  credential_id: string;
  kind: CredentialKind;
  version: number;
  secret_id: string | null;
  attempts: number;
  claim_id: string;
}

/** Revocations on their way to Meta: the one token kept for each, and how they end. */
@Injectable()
export class PendingRevocationService {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Claims one connection's revocation, whatever its back-off. Null: none is pending, or another replica is at it. */
  async claimOne(connectionId: string, claimSeconds: number): Promise<ClaimedRevocation | null> {
    const [claimed] = await this.claim('connection_id = $4', connectionId, claimSeconds);
    return claimed ?? null;
  }

  /** Claims revocations that are due, the longest due first. */
  claimDue(limit: number, claimSeconds: number): Promise<ClaimedRevocation[]> {
    return this.claim('next_attempt_at <= $3 ORDER BY next_attempt_at LIMIT $4', limit, claimSeconds);
  }

  /** The kept token. Throws `DecryptionError`; null where it is gone. */
  async open(revocation: ClaimedRevocation): Promise<SecretString | null> {
    if (revocation.secretId === null) return null;
    return this.vault.get(this.database, revocation.secretId, credentialContext(revocation));
  }

  /**
   * Whether the person's grant is in use again: then Meta must not be told, the kept token is destroyed, and the revocation is done with
   * the last live connection (`shared`). Decided under the lock that connecting takes. Throws `ClaimLostError`.
   */
  async finishIfShared(revocation: ClaimedRevocation): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await lockMetaUser(tx, revocation.appId, revocation.metaUserId);
      if (!(await this.hasLiveSibling(tx, revocation))) return false;
      await this.end(tx, revocation, 'shared');
      return true;
    });
  }

  /** Meta says that the grant is gone, here and for those that shared it; or that it has no call for this kind. Throws `ClaimLostError`. */
  async finish(revocation: ClaimedRevocation, outcome: 'confirmed' | 'not_supported', actor: Actor): Promise<void> {
    await this.database.transaction(async (tx) => {
      await lockMetaUser(tx, revocation.appId, revocation.metaUserId);
      await this.end(tx, revocation, outcome);
      if (outcome === 'confirmed') await this.confirmSharedRevocations(tx, revocation);
      // Whoever connected while Meta was being told has lost its grant by that: the next look inspects it.
      await tx.run({
        text: `UPDATE credential c SET check_due_at = $3, health = 'unknown' FROM connection n
          WHERE n.id = c.connection_id AND c.is_root AND n.app_id = $1 AND n.meta_user_id = $2 AND n.status = 'active'`,
        values: [revocation.appId, revocation.metaUserId, this.clock.now()],
      });
      await this.audit.record(tx, {
        action: outcome === 'confirmed' ? 'revocation.confirmed' : 'revocation.not_supported',
        actor,
        tenant: revocation.tenant,
        product: revocation.product,
        connectionId: revocation.connectionId,
        details: { attempts: revocation.attempts + 1, kind: revocation.kind },
      });
    });
  }

  /** Meta could not be told: again at `nextAttemptAt`. */
  async postpone(revocation: ClaimedRevocation, nextAttemptAt: Date): Promise<void> {
    await this.database.run({
      text: `UPDATE provider_revocation SET attempts = attempts + 1, next_attempt_at = $3, claim_id = NULL, claimed_until = NULL, updated_at = $4
        WHERE connection_id = $1 AND claim_id = $2`,
      values: [revocation.connectionId, revocation.claimId, nextAttemptAt, this.clock.now()],
    });
  }

  /** How a connection's revocation stands. */
  async getStatus(connectionId: string): Promise<ProviderRevocationStatus | null> {
    const [row] = await this.database.rows<{ provider_revocation: ProviderRevocationStatus | null }>({
      text: 'SELECT provider_revocation FROM connection WHERE id = $1',
      values: [connectionId],
    });
    return row?.provider_revocation ?? null;
  }

  private async claim(which: string, argument: unknown, claimSeconds: number): Promise<ClaimedRevocation[]> {
    const now = this.clock.now();
    const rows = await this.database.rows<RevocationRow>({
      text: `WITH claimed AS (
          UPDATE provider_revocation SET claim_id = $1, claimed_until = $2, updated_at = $3 WHERE connection_id IN (
            SELECT connection_id FROM provider_revocation
            WHERE next_attempt_at IS NOT NULL AND (claimed_until IS NULL OR claimed_until < $3) AND ${which} FOR UPDATE SKIP LOCKED)
          RETURNING *)
        SELECT r.*, n.tenant, n.product, n.app_id, n.meta_user_id, c.kind FROM claimed r
        JOIN connection n ON n.id = r.connection_id JOIN credential c ON c.id = r.credential_id`,
      values: [this.ids.next('clm'), addSeconds(now, claimSeconds), now, argument],
    });
    return rows.map(toRevocation);
  }

  private async hasLiveSibling(
    tx: Transaction,
    { appId, metaUserId, connectionId }: ClaimedRevocation,
  ): Promise<boolean> {
    const rows = await tx.rows({
      text: `SELECT 1 FROM connection WHERE app_id = $1 AND meta_user_id = $2 AND id <> $3 AND status = 'active' LIMIT 1`,
      values: [appId, metaUserId, connectionId],
    });
    return rows.length > 0;
  }

  private async end(tx: Transaction, revocation: ClaimedRevocation, outcome: ProviderRevocationStatus): Promise<void> {
    const ended = await tx.run({
      text: 'DELETE FROM provider_revocation WHERE connection_id = $1 AND claim_id = $2',
      values: [revocation.connectionId, revocation.claimId],
    });
    if (ended !== 1) throw new ClaimLostError(`revocation of ${revocation.connectionId}`);
    if (revocation.secretId !== null) await this.vault.destroy(tx, [revocation.secretId]);
    await tx.run({
      text: 'UPDATE credential SET secret_id = NULL WHERE connection_id = $1 AND secret_id IS NOT NULL',
      values: [revocation.connectionId],
    });
    await tx.run({
      text: 'UPDATE connection SET provider_revocation = $2, updated_at = $3 WHERE id = $1',
      values: [revocation.connectionId, outcome, this.clock.now()],
    });
  }

  /** Unless somebody lives on the grant again by now; then they stay `shared`. */
  private async confirmSharedRevocations(tx: Transaction, revocation: ClaimedRevocation): Promise<void> {
    if (await this.hasLiveSibling(tx, revocation)) return;
    await tx.run({
      text: `UPDATE connection SET provider_revocation = 'confirmed', updated_at = $3
        WHERE app_id = $1 AND meta_user_id = $2 AND provider_revocation = 'shared'`,
      values: [revocation.appId, revocation.metaUserId, this.clock.now()],
    });
  }
}

function toRevocation(row: RevocationRow): ClaimedRevocation {
  return {
    connectionId: row.connection_id,
    tenant: row.tenant,
    product: row.product,
    appId: row.app_id,
    metaUserId: row.meta_user_id,
    credentialId: row.credential_id,
    kind: row.kind,
    version: row.version,
    secretId: row.secret_id,
    attempts: row.attempts,
    claimId: row.claim_id,
  };
}
