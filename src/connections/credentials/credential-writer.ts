import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/database.ts';
import { addSeconds } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { Vault } from '../../vault/vault.ts';
import type { CredentialKind } from './credential-kind.ts';
import { CHECK_INTERVAL_SECONDS, computeRefreshAfter } from './credential-schedule.ts';
import { credentialContext } from './seal-contexts.ts';

/** A token that was inspected and belongs to a connection. */
export interface GrantedCredential {
  kind: CredentialKind;
  /** The Meta user, system user or page that the token speaks for. */
  subjectId: string;
  subjectName: string | null;
  token: SecretString;
  scopes: string[];
  issuedAt: Date | null;
  /** Null: never (or unknown, for Instagram and Threads). */
  expiresAt: Date | null;
}

export interface CredentialOwner {
  connectionId: string;
  tenant: string;
  appId: string;
}

/** Writes credentials and their sealed versions inside a transaction of the connection. */
@Injectable()
export class CredentialWriter {
  constructor(
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly ids: Ids,
    private readonly random: Random,
  ) {}

  /**
   * Makes a fresh authorization's token the serving version of its credential, new or existing; returns the credential's id.
   * A renewal under way loses its claim and its pending version: what the person just granted is newer. The version that
   * served until now stays as `previous`, for requests that are under way with it.
   */
  async grant(
    tx: Transaction,
    owner: CredentialOwner,
    granted: GrantedCredential,
    { isRoot, now, beforeExpirySeconds }: { isRoot: boolean; now: Date; beforeExpirySeconds: number },
  ): Promise<string> {
    const [existing] = await tx.rows<{ id: string; version: number }>({
      text: `SELECT c.id, greatest(c.version, coalesce(max(v.version), 0)) AS version FROM credential c
        LEFT JOIN credential_version v ON v.credential_id = c.id
        WHERE c.connection_id = $1 AND c.kind = $2 AND c.subject_id = $3 GROUP BY c.id`,
      values: [owner.connectionId, granted.kind, granted.subjectId],
    });
    const credentialId = existing?.id ?? this.ids.next('crd');
    const version = (existing?.version ?? 0) + 1;
    const context = credentialContext({ ...owner, credentialId, kind: granted.kind, version });
    const secretId = await this.vault.put(tx, granted.token, context);
    if (existing !== undefined) await this.retireServingVersion(tx, credentialId, now);
    const due = computeRefreshAfter({ ...granted, storedAt: now }, beforeExpirySeconds);
    await tx.run({
      name: 'credential_grant',
      text: `INSERT INTO credential (id, connection_id, app_id, kind, is_root, subject_id, subject_name, version, secret_id, token_hash,
          scopes, issued_at, expires_at, health, last_checked_at, refresh_after, refresh_due_at, check_due_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'healthy', $14, $15, $15, $16, $14, $14)
        ON CONFLICT (connection_id, kind, subject_id) DO UPDATE SET is_root = $5, subject_name = $7, version = $8, secret_id = $9,
          token_hash = $10, scopes = $11, issued_at = $12, expires_at = $13, health = 'healthy', last_checked_at = $14,
          refresh_after = $15, refresh_due_at = $15, check_due_at = $16, failure = NULL, failure_attempts = 0,
          claim_id = NULL, claimed_until = NULL, updated_at = $14`,
      values: [
        credentialId,
        owner.connectionId,
        owner.appId,
        granted.kind,
        isRoot,
        granted.subjectId,
        granted.subjectName,
        version,
        secretId,
        this.ring.blindIndex(granted.token.expose()),
        granted.scopes,
        granted.issuedAt,
        granted.expiresAt,
        now,
        due,
        // Spread over the day, so that accounts that were connected together are not inspected together.
        addSeconds(now, CHECK_INTERVAL_SECONDS * (0.5 + this.random.fraction() / 2)),
      ],
    });
    return credentialId;
  }

  /** Removes the credentials of a connection that are not among `keep`, and destroys their tokens. */
  async removeExcept(tx: Transaction, connectionId: string, keep: string[]): Promise<void> {
    const values = [connectionId, keep];
    const versions = await tx.rows<{ secret_id: string }>({
      text: `DELETE FROM credential_version v USING credential c
        WHERE v.credential_id = c.id AND c.connection_id = $1 AND c.id <> ALL ($2) RETURNING v.secret_id`,
      values,
    });
    const credentials = await tx.rows<{ secret_id: string | null }>({
      text: 'DELETE FROM credential WHERE connection_id = $1 AND id <> ALL ($2) RETURNING secret_id',
      values,
    });
    await this.vault.destroy(
      tx,
      [...versions, ...credentials].flatMap((row) => (row.secret_id === null ? [] : [row.secret_id])),
    );
  }

  /** Destroys every token of a connection but `except`, and takes all claims away. */
  async destroyAll(tx: Transaction, connectionId: string, except: string | null, now: Date): Promise<void> {
    // The rows first: a renewal that is just storing what Meta answered ends before, or not at all.
    const serving = await tx.rows<{ secret_id: string }>({
      text: 'SELECT secret_id FROM credential WHERE connection_id = $1 AND secret_id IS NOT NULL FOR UPDATE',
      values: [connectionId],
    });
    const versions = await tx.rows<{ secret_id: string }>({
      text: `DELETE FROM credential_version v USING credential c
        WHERE v.credential_id = c.id AND c.connection_id = $1 RETURNING v.secret_id`,
      values: [connectionId],
    });
    await tx.run({
      text: `UPDATE credential SET secret_id = NULL, token_hash = NULL, health = 'invalid', claim_id = NULL, claimed_until = NULL,
          refresh_after = NULL, refresh_due_at = NULL, check_due_at = NULL, updated_at = $2 WHERE connection_id = $1`,
      values: [connectionId, now],
    });
    const secrets = [...versions, ...serving].map((row) => row.secret_id).filter((id) => id !== except);
    await this.vault.destroy(tx, secrets);
  }

  /** The serving version becomes `previous`; pending ones, which nobody ever used, are destroyed. */
  private async retireServingVersion(tx: Transaction, credentialId: string, now: Date): Promise<void> {
    const pending = await tx.rows<{ secret_id: string }>({
      text: `DELETE FROM credential_version WHERE credential_id = $1 AND state = 'pending' RETURNING secret_id`,
      values: [credentialId],
    });
    await this.vault.destroy(
      tx,
      pending.map((row) => row.secret_id),
    );
    await tx.run({
      text: `INSERT INTO credential_version (credential_id, version, state, secret_id, token_hash, expires_at, created_at)
        SELECT id, version, 'previous', secret_id, token_hash, expires_at, $2 FROM credential
        WHERE id = $1 AND secret_id IS NOT NULL ON CONFLICT (credential_id, version) DO NOTHING`,
      values: [credentialId, now],
    });
  }
}
