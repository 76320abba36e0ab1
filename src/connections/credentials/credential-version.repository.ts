import { Injectable } from '@nestjs/common';
import { AuditLog, SYSTEM } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import { ClaimLostError } from '../authorization/pending-authorization.repository.ts';
import { type ConnectionStatus, REASONS_DESPITE_VALID_TOKEN } from '../connection/connection-status.ts';
import { missingScopesReasonJson, scopeAssignmentsSql } from '../connection/missing-scopes.ts';
import { CHECK_INTERVAL_SECONDS, computeRefreshAfter } from './credential-schedule.ts';
import {
  type ClaimedCredential,
  type CredentialSnapshot,
  type PendingVersion,
  verificationRequestedSince,
} from './credential-snapshot.ts';
import { credentialContext } from './seal-contexts.ts';

/** What inspection says of the version that is to serve. */
export interface VerifiedVersion {
  scopes: string[];
  /** Scopes that the person took away since the last look: recorded, no failure. */
  lostScopes: string[];
  /** Those that the product needs and the token lacks. Undefined: not told. */
  missingScopes?: string[];
  issuedAt: Date | null;
  expiresAt: Date | null;
  /** Undefined: the inspection does not tell, what is known stays. */
  dataAccessExpiresAt?: Date | null;
}

/** The versions of a credential: one serves, one may be pending, earlier ones are kept for a while. */
@Injectable()
export class CredentialVersionRepository {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly config: Config,
  ) {}

  /** The token that serves. Throws `DecryptionError`; null where it has been destroyed. */
  async openCurrent(credential: CredentialSnapshot): Promise<SecretString | null> {
    if (credential.sealed === null) return null;
    return this.vault.open(credential.sealed, contextOf(credential, credential.version));
  }

  /** The token of the pending version. Throws `DecryptionError`, also where it is gone. */
  async openPending(credential: CredentialSnapshot, pending: PendingVersion): Promise<SecretString> {
    if (pending.sealed === null) throw new DecryptionError(`${credential.id}/${pending.version}`);
    return this.vault.open(pending.sealed, contextOf(credential, pending.version));
  }

  /** Whether two tokens are the same, without either of them in a column. */
  isSameToken(a: SecretString, b: SecretString): boolean {
    return this.ring.blindIndex(a.expose()).equals(this.ring.blindIndex(b.expose()));
  }

  /** Seals what Meta answered and commits it, before anything else is asked. Throws `ClaimLostError`; then nothing is kept. */
  async storePending(
    credential: ClaimedCredential,
    token: SecretString,
    reported: { expiresAt: Date | null; scopes: string[] | null },
  ): Promise<void> {
    const version = credential.version + 1;
    await this.database.transaction(async (tx) => {
      const secretId = await this.vault.put(tx, token, contextOf(credential, version));
      const stored = await tx.run({
        name: 'pending_insert',
        text: `INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, scopes, claim_id, created_at)
          SELECT id, $4, 'pending', $5, $6, $7, $8, claim_id, $9 FROM credential
          WHERE id = $1 AND claim_id = $2 AND version = $3 FOR UPDATE ON CONFLICT DO NOTHING`,
        values: [
          credential.id,
          credential.claimId,
          credential.version,
          version,
          secretId,
          this.ring.blindIndex(token.expose()),
          reported.expiresAt,
          reported.scopes,
          this.clock.now(),
        ],
      });
      if (stored !== 1) throw new ClaimLostError(`credential ${credential.id}`);
    });
  }

  /** Destroys a pending version that is no success. Throws `ClaimLostError`. */
  async discardPending(credential: ClaimedCredential): Promise<void> {
    await this.database.transaction(async (tx) => {
      await lockClaim(tx, credential);
      const gone = await tx.rows<{ secret_id: string }>({
        text: `DELETE FROM credential_version WHERE credential_id = $1 AND version = $2 AND state = 'pending' RETURNING secret_id`,
        values: [credential.id, credential.version + 1],
      });
      await this.vault.destroy(
        tx,
        gone.map((row) => row.secret_id),
      );
    });
  }

  /**
   * Makes the verified pending version the serving one, by compare-and-set on claim and version, and ends the claim; the old one stays
   * as `previous`. Audit entry and event are in the same transaction. Page tokens rest on their user token: they become due.
   * Throws `ClaimLostError`, also for a connection that was revoked meanwhile; then nothing is written.
   */
  async promote(credential: ClaimedCredential, verified: VerifiedVersion): Promise<void> {
    const now = this.clock.now();
    await this.database.transaction(async (tx) => {
      // The connection first: the order in which connecting and revoking lock them.
      const status = credential.isRoot ? await this.updateConnection(tx, credential, verified, now) : 'active';
      await this.replaceServingVersion(tx, credential, verified, now);
      if (credential.kind === 'user') await makePagesDue(tx, credential.connectionId, now);
      await this.record(tx, credential, verified, status);
    });
  }

  /** Destroys previous versions whose successor has been used, or that an hour has passed over. How many. */
  async destroySupersededVersions(limit: number): Promise<number> {
    return this.database.transaction(async (tx) => {
      const spent = await tx.rows<{ secret_id: string }>({
        text: `DELETE FROM credential_version WHERE (credential_id, version) IN (
            SELECT v.credential_id, v.version FROM credential_version v JOIN credential c ON c.id = v.credential_id
            WHERE v.state = 'previous' AND (v.created_at < $1 OR EXISTS (
              SELECT 1 FROM lease l WHERE l.connection_id = c.connection_id AND l.credential_id = c.id
                AND l.credential_version > v.version AND l.issued_at >= v.created_at))
            ORDER BY v.created_at LIMIT $2 FOR UPDATE OF v SKIP LOCKED)
          RETURNING secret_id`,
        values: [addSeconds(this.clock.now(), -PREVIOUS_VERSION_RETENTION_SECONDS), limit],
      });
      await this.vault.destroy(
        tx,
        spent.map((row) => row.secret_id),
      );
      return spent.length;
    });
  }

  /** Its status after that. A token that lives brings back what had died, not what lacks something else. */
  private async updateConnection(
    tx: Transaction,
    credential: ClaimedCredential,
    verified: VerifiedVersion,
    now: Date,
  ): Promise<ConnectionStatus> {
    const reported = verified.dataAccessExpiresAt !== undefined;
    const isReasonKept = `status_reason->>'code' = ANY ($9)`;
    const [updated] = await tx.rows<{ status: ConnectionStatus }>({
      name: 'connection_refreshed',
      text: `UPDATE connection SET scopes = $2, updated_at = $5,
          status = CASE WHEN status <> 'active' AND ${isReasonKept} THEN status ELSE 'active' END,
          ${scopeAssignmentsSql({ scopes: '$2', lost: '$6', missing: '$7', reported: '$8' }, `CASE WHEN ${isReasonKept} THEN status_reason END`)},
          expiry_notice_due_at = CASE WHEN $3 AND data_access_expires_at IS DISTINCT FROM $4::timestamptz
            THEN $4::timestamptz - interval '336 hours' ELSE expiry_notice_due_at END,
          data_access_expires_at = CASE WHEN $3 THEN $4::timestamptz ELSE data_access_expires_at END
        WHERE id = $1 AND status <> 'revoked' RETURNING status`,
      values: [
        credential.connectionId,
        verified.scopes,
        reported,
        verified.dataAccessExpiresAt ?? null,
        now,
        verified.lostScopes,
        missingScopesReasonJson(verified.missingScopes, now),
        verified.missingScopes !== undefined,
        REASONS_DESPITE_VALID_TOKEN,
      ],
    });
    if (updated === undefined) throw new ClaimLostError(`connection ${credential.connectionId}`);
    return updated.status;
  }

  private async replaceServingVersion(
    tx: Transaction,
    credential: ClaimedCredential,
    verified: VerifiedVersion,
    now: Date,
  ): Promise<void> {
    const life = { kind: credential.kind, issuedAt: verified.issuedAt, storedAt: now, expiresAt: verified.expiresAt };
    const promoted = await tx.run({
      name: 'credential_promote',
      text: `WITH old AS (SELECT id, version, secret_id, token_hash, expires_at FROM credential
            WHERE id = $1 AND claim_id = $2 AND version = $3 FOR UPDATE),
          pending AS (DELETE FROM credential_version v USING old
            WHERE v.credential_id = old.id AND v.version = old.version + 1 AND v.state = 'pending' RETURNING v.secret_id, v.token_hash),
          kept AS (INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, created_at)
            SELECT old.id, old.version, 'previous', old.secret_id, old.token_hash, old.expires_at, $9::timestamptz FROM old, pending
            WHERE old.secret_id IS NOT NULL)
        UPDATE credential c SET version = c.version + 1, secret_id = pending.secret_id, token_hash = pending.token_hash, scopes = $4,
          issued_at = $5, expires_at = $6, failure = NULL, failure_attempts = 0, last_refreshed_at = $9, last_checked_at = $9,
          health = CASE WHEN ${verificationRequestedSince('$11')} THEN c.health ELSE 'healthy' END,
          check_due_at = CASE WHEN ${verificationRequestedSince('$11')} THEN c.check_due_at ELSE $8::timestamptz END,
          refresh_after = CASE WHEN ${MADE_DUE_SINCE} THEN c.refresh_after ELSE $7::timestamptz END,
          refresh_due_at = CASE WHEN ${MADE_DUE_SINCE} THEN c.refresh_due_at ELSE $7::timestamptz END, claim_id = NULL, claimed_until = NULL,
          updated_at = $9
        FROM old, pending WHERE c.id = old.id`,
      values: [
        credential.id,
        credential.claimId,
        credential.version,
        verified.scopes,
        verified.issuedAt,
        verified.expiresAt,
        computeRefreshAfter(life, this.config.refreshBeforeExpirySeconds),
        addSeconds(now, CHECK_INTERVAL_SECONDS * (0.9 + this.random.fraction() / 10)),
        now,
        credential.refreshAfter,
        credential.checkDueAt,
      ],
    });
    if (promoted !== 1) throw new ClaimLostError(`credential ${credential.id}`);
  }

  private async record(
    tx: Transaction,
    credential: ClaimedCredential,
    verified: VerifiedVersion,
    status: ConnectionStatus,
  ): Promise<void> {
    const of = { tenant: credential.tenant, product: credential.product, connectionId: credential.connectionId };
    const lost = verified.lostScopes.length === 0 ? {} : { lost_scopes: verified.lostScopes };
    const version = credential.version + 1;
    const details = { kind: credential.kind, version, expires_at: verified.expiresAt, ...lost };
    await this.audit.record(tx, {
      ...of,
      action: 'credential.refreshed',
      actor: SYSTEM,
      subjectId: credential.id,
      details,
    });
    if (credential.status === 'reauth_required' && credential.isRoot && status === 'active') {
      await this.audit.record(tx, { ...of, action: 'connection.recovered', actor: SYSTEM, details: { by: 'refresh' } });
    }
    await this.outbox.add(tx, {
      ...of,
      type: 'connection.refreshed',
      data: {
        connection_id: credential.connectionId,
        tenant: of.tenant,
        product: of.product,
        status,
        credential_id: credential.id,
        credential_version: version,
        expires_at: verified.expiresAt,
        ...lost,
      },
    });
  }
}

/** A page whose user token was renewed while the page's was derived from the old one: once more. Our times have milliseconds. */
const MADE_DUE_SINCE = `c.kind = 'page' AND date_trunc('milliseconds', c.refresh_after) IS DISTINCT FROM $10::timestamptz`;

const PREVIOUS_VERSION_RETENTION_SECONDS = HOUR_SECONDS;

function contextOf(credential: CredentialSnapshot, version: number): ReturnType<typeof credentialContext> {
  return credentialContext({
    tenant: credential.tenant,
    connectionId: credential.connectionId,
    credentialId: credential.id,
    kind: credential.kind,
    version,
  });
}

/** Holds the row, if it is still ours at the version we know. Throws `ClaimLostError`. */
export async function lockClaim(tx: Transaction, credential: ClaimedCredential): Promise<void> {
  const held = await tx.rows({
    name: 'claim_lock',
    text: 'SELECT 1 FROM credential WHERE id = $1 AND claim_id = $2 AND version = $3 FOR UPDATE',
    values: [credential.id, credential.claimId, credential.version],
  });
  if (held.length !== 1) throw new ClaimLostError(`credential ${credential.id}`);
}

async function makePagesDue(tx: Transaction, connectionId: string, now: Date): Promise<void> {
  await tx.run({
    name: 'pages_due',
    text: `UPDATE credential SET refresh_after = $2, refresh_due_at = $2
      WHERE connection_id = $1 AND kind = 'page' AND secret_id IS NOT NULL`,
    values: [connectionId, now],
  });
}
