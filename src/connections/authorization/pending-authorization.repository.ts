import { Injectable } from '@nestjs/common';
import type { Product } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { Vault } from '../../vault/vault.ts';
import { ClaimLostError } from '../claim-lost-error.ts';
import { pendingAuthorizationContext } from '../credentials/seal-contexts.ts';

export type PendingAuthorizationStage = 'exchanged' | 'long_lived';

/** A token that Meta gave and that belongs to no connection yet, and whose turn it is (`claimId`). */
export interface PendingAuthorization {
  id: string;
  tenant: string;
  product: Product;
  flow: string;
  /** The connect session and the browser's attempt that it came by; null for tokens that a client handed in. */
  sessionId: string | null;
  stateHash: Buffer | null;
  /** The client that asked for it. */
  requestedBy: string | null;
  stage: PendingAuthorizationStage;
  secretId: string;
  /** As Meta's answer said; null where it said nothing, or never. */
  expiresAt: Date | null;
  /** What the flow knows besides: ids from Embedded Signup, declared kinds. Never a token. */
  hints: Record<string, unknown>;
  attempts: number;
  claimId: string;
  createdAt: Date;
}

export type NewPendingAuthorization = Pick<
  PendingAuthorization,
  'tenant' | 'product' | 'flow' | 'sessionId' | 'stateHash' | 'requestedBy' | 'stage' | 'expiresAt' | 'hints'
> & { token: SecretString };

interface PendingAuthorizationRow {
  id: string;
  tenant: string;
  product: Product;
  flow: string;
  session_id: string | null;
  state_hash: Buffer | null;
  requested_by: string | null;
  stage: PendingAuthorizationStage;
  secret_id: string;
  expires_at: Date | null;
  hints: Record<string, unknown>;
  attempts: number;
  claim_id: string;
  created_at: Date;
}

const PENDING_AUTHORIZATION_COLUMNS = `id, tenant, product, flow, session_id, state_hash, requested_by, stage, secret_id, expires_at, hints, attempts, claim_id, created_at`;

/**
 * Tokens on their way in. What Meta answered is sealed and committed here before the next call to Meta is made, so that a
 * crash loses nothing that Meta gives only once; after it, any replica claims the row and goes on from its stage.
 */
@Injectable()
export class PendingAuthorizationRepository {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Seals and commits a fresh token, claimed by the caller for `claimSeconds`. */
  async begin(pendingAuthorization: NewPendingAuthorization, claimSeconds: number): Promise<PendingAuthorization> {
    const id = this.ids.next('int');
    const claimId = this.ids.next('clm');
    const now = this.clock.now();
    const secretId = await this.database.transaction(async (tx) => {
      const sealed = await this.vault.put(
        tx,
        pendingAuthorization.token,
        pendingAuthorizationContext({ ...pendingAuthorization, pendingAuthorizationId: id }),
      );
      await tx.run({
        text: `INSERT INTO pending_authorization (id, tenant, product, flow, session_id, state_hash, requested_by, stage, secret_id,
            expires_at, hints, next_attempt_at, claim_id, claimed_until, created_at, updated_at)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $12, $12)`,
        values: [
          id,
          pendingAuthorization.tenant,
          pendingAuthorization.product,
          pendingAuthorization.flow,
          pendingAuthorization.sessionId,
          pendingAuthorization.stateHash,
          pendingAuthorization.requestedBy,
          pendingAuthorization.stage,
          sealed,
          pendingAuthorization.expiresAt,
          JSON.stringify(pendingAuthorization.hints),
          now,
          claimId,
          addSeconds(now, claimSeconds),
        ],
      });
      return sealed;
    });
    const { token: _, ...rest } = pendingAuthorization;
    return { ...rest, id, secretId, attempts: 0, claimId, createdAt: now };
  }

  /** The token of an intake. */
  async open(pendingAuthorization: PendingAuthorization): Promise<SecretString> {
    const token = await this.vault.get(
      this.database,
      pendingAuthorization.secretId,
      pendingAuthorizationContext({ ...pendingAuthorization, pendingAuthorizationId: pendingAuthorization.id }),
    );
    if (token === null) throw new ClaimLostError(`intake ${pendingAuthorization.id}`);
    return token;
  }

  /** Puts the long-lived token in the place of the short-lived one. Throws `ClaimLostError`. */
  async advance(
    pendingAuthorization: PendingAuthorization,
    token: SecretString,
    expiresAt: Date | null,
  ): Promise<PendingAuthorization> {
    const next = { ...pendingAuthorization, stage: 'long_lived' as const, expiresAt };
    return this.database.transaction(async (tx) => {
      const secretId = await this.vault.put(
        tx,
        token,
        pendingAuthorizationContext({ ...next, pendingAuthorizationId: pendingAuthorization.id }),
      );
      const moved = await tx.run({
        text: `UPDATE pending_authorization SET stage = 'long_lived', secret_id = $3, expires_at = $4, updated_at = $5
          WHERE id = $1 AND claim_id = $2`,
        values: [pendingAuthorization.id, pendingAuthorization.claimId, secretId, expiresAt, this.clock.now()],
      });
      if (moved !== 1) throw new ClaimLostError(`intake ${pendingAuthorization.id}`);
      await this.vault.destroy(tx, [pendingAuthorization.secretId]);
      return { ...next, secretId };
    });
  }

  /** Ends an intake and destroys its token: it became a connection, or never will. Throws `ClaimLostError`. */
  async finish(tx: Transaction, pendingAuthorization: PendingAuthorization): Promise<void> {
    const ended = await tx.run({
      text: 'DELETE FROM pending_authorization WHERE id = $1 AND claim_id = $2',
      values: [pendingAuthorization.id, pendingAuthorization.claimId],
    });
    if (ended !== 1) throw new ClaimLostError(`intake ${pendingAuthorization.id}`);
    await this.vault.destroy(tx, [pendingAuthorization.secretId]);
  }

  /** A sign of life: the claim lasts for another `claimSeconds`. Throws `ClaimLostError`. */
  async extendClaim(pendingAuthorization: PendingAuthorization, claimSeconds: number): Promise<void> {
    const now = this.clock.now();
    const kept = await this.database.run({
      text: 'UPDATE pending_authorization SET claimed_until = $3, updated_at = $4 WHERE id = $1 AND claim_id = $2',
      values: [pendingAuthorization.id, pendingAuthorization.claimId, addSeconds(now, claimSeconds), now],
    });
    if (kept !== 1) throw new ClaimLostError(`intake ${pendingAuthorization.id}`);
  }

  /** Lets go of an intake until `nextAttemptAt`. */
  async release(pendingAuthorization: PendingAuthorization, nextAttemptAt: Date): Promise<void> {
    await this.database.run({
      text: `UPDATE pending_authorization SET claim_id = NULL, claimed_until = NULL, attempts = attempts + 1, next_attempt_at = $3, updated_at = $4
        WHERE id = $1 AND claim_id = $2`,
      values: [pendingAuthorization.id, pendingAuthorization.claimId, nextAttemptAt, this.clock.now()],
    });
  }

  /** Claims intakes that nobody works on any more, e.g. after a crash; the oldest first. */
  async claimDue(limit: number, claimSeconds: number): Promise<PendingAuthorization[]> {
    const now = this.clock.now();
    const rows = await this.database.rows<PendingAuthorizationRow>({
      text: `UPDATE pending_authorization SET claim_id = $1, claimed_until = $2, updated_at = $3
        WHERE id IN (
          SELECT id FROM pending_authorization WHERE next_attempt_at <= $3 AND (claimed_until IS NULL OR claimed_until < $3)
          ORDER BY next_attempt_at LIMIT $4 FOR UPDATE SKIP LOCKED)
        RETURNING ${PENDING_AUTHORIZATION_COLUMNS}`,
      values: [this.ids.next('clm'), addSeconds(now, claimSeconds), now, limit],
    });
    return rows.map(toPendingAuthorization);
  }

  /** Claims the intake of one browser's attempt where nobody works on it. Null where there is none, or somebody does. */
  async claimByState(stateHash: Buffer, claimSeconds: number): Promise<PendingAuthorization | null> {
    const now = this.clock.now();
    const [row] = await this.database.rows<PendingAuthorizationRow>({
      text: `UPDATE pending_authorization SET claim_id = $1, claimed_until = $2, updated_at = $3
        WHERE state_hash = $4 AND (claimed_until IS NULL OR claimed_until < $3) RETURNING ${PENDING_AUTHORIZATION_COLUMNS}`,
      values: [this.ids.next('clm'), addSeconds(now, claimSeconds), now, stateHash],
    });
    return row === undefined ? null : toPendingAuthorization(row);
  }

  /** Whether a token of this browser's attempt is still on its way. */
  async existsForState(sql: SqlExecutor, stateHash: Buffer): Promise<boolean> {
    const rows = await sql.rows({
      text: 'SELECT 1 FROM pending_authorization WHERE state_hash = $1',
      values: [stateHash],
    });
    return rows.length > 0;
  }
}

function toPendingAuthorization(row: PendingAuthorizationRow): PendingAuthorization {
  return {
    id: row.id,
    tenant: row.tenant,
    product: row.product,
    flow: row.flow,
    sessionId: row.session_id,
    stateHash: row.state_hash,
    requestedBy: row.requested_by,
    stage: row.stage,
    secretId: row.secret_id,
    expiresAt: row.expires_at,
    hints: row.hints,
    attempts: row.attempts,
    claimId: row.claim_id,
    createdAt: row.created_at,
  };
}
