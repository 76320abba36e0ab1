import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { CallerId } from '../../auth/ids.ts';
import type { Product } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import type { Id } from '../../platform/ids.ts';
import { Ids } from '../../platform/ids.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { SealContext } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import { ClaimLostError, requireClaim } from '../claim-lost-error.ts';
import { pendingAuthorizationContext } from '../credentials/seal-contexts.ts';
import type { ClaimId, PendingAuthorizationId } from '../ids.ts';
import type {
  NewPendingAuthorization,
  PendingAuthorization,
  PendingAuthorizationStage,
} from './pending-authorization.ts';

interface PendingAuthorizationRow {
  id: PendingAuthorizationId;
  tenant: string;
  product: Product;
  flow: string;
  session_id: Id<'cns'> | null;
  state_hash: Buffer | null;
  requested_by: CallerId | null;
  stage: PendingAuthorizationStage;
  secret_id: SecretId;
  expires_at: Date | null;
  hints: Record<string, unknown>;
  attempts: number;
  claim_id: ClaimId;
  created_at: Date;
}

const COLUMNS = sql`id, tenant, product, flow, session_id, state_hash, requested_by, stage, secret_id, expires_at, hints, attempts, claim_id,
  created_at`;

interface InsertParameters extends Omit<NewPendingAuthorization, 'token' | 'hints'> {
  id: PendingAuthorizationId;
  secretId: SecretId;
  /** JSON */
  hints: string;
  claimId: ClaimId;
  claimedUntil: Date;
  now: Date;
}

const insert = defineStatement<InsertParameters>(
  'pending_authorization_insert',
  (
    of,
  ) => sql`INSERT INTO pending_authorization (id, tenant, product, flow, session_id, state_hash, requested_by, stage, secret_id,
      expires_at, hints, next_attempt_at, claim_id, claimed_until, created_at, updated_at)
    VALUES (${of.id}, ${of.tenant}, ${of.product}, ${of.flow}, ${of.sessionId}, ${of.stateHash}, ${of.requestedBy}, ${of.stage},
      ${of.secretId}, ${of.expiresAt}, ${of.hints}, ${of.now}, ${of.claimId}, ${of.claimedUntil}, ${of.now}, ${of.now})`,
);

interface OwnClaim {
  id: PendingAuthorizationId;
  claimId: ClaimId;
}

const setLongLived = defineStatement<OwnClaim & { secretId: SecretId; expiresAt: Date | null; now: Date }>(
  'pending_authorization_advance',
  ({ id, claimId, secretId, expiresAt, now }) => sql`UPDATE pending_authorization
    SET stage = 'long_lived', secret_id = ${secretId}, expires_at = ${expiresAt}, updated_at = ${now}
    WHERE id = ${id} AND claim_id = ${claimId}`,
);

const deleteClaimed = defineStatement<OwnClaim>(
  'pending_authorization_delete',
  ({ id, claimId }) => sql`DELETE FROM pending_authorization WHERE id = ${id} AND claim_id = ${claimId}`,
);

const extend = defineStatement<OwnClaim & { claimedUntil: Date; now: Date }>(
  'pending_authorization_extend_claim',
  ({
    id,
    claimId,
    claimedUntil,
    now,
  }) => sql`UPDATE pending_authorization SET claimed_until = ${claimedUntil}, updated_at = ${now}
    WHERE id = ${id} AND claim_id = ${claimId}`,
);

const release = defineStatement<OwnClaim & { nextAttemptAt: Date; now: Date }>(
  'pending_authorization_release',
  ({ id, claimId, nextAttemptAt, now }) => sql`UPDATE pending_authorization
    SET claim_id = NULL, claimed_until = NULL, attempts = attempts + 1, next_attempt_at = ${nextAttemptAt}, updated_at = ${now}
    WHERE id = ${id} AND claim_id = ${claimId}`,
);

interface NewClaim {
  claimId: ClaimId;
  claimedUntil: Date;
  now: Date;
}

const claimDue = defineStatement<NewClaim & { limit: number }, PendingAuthorizationRow>(
  'pending_authorizations_claim_due',
  ({ claimId, claimedUntil, now, limit }) => sql`UPDATE pending_authorization
    SET claim_id = ${claimId}, claimed_until = ${claimedUntil}, updated_at = ${now}
    WHERE id IN (
      SELECT id FROM pending_authorization WHERE next_attempt_at <= ${now} AND (claimed_until IS NULL OR claimed_until < ${now})
      ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING ${COLUMNS}`,
);

const claimByState = defineStatement<NewClaim & { stateHash: Buffer }, PendingAuthorizationRow>(
  'pending_authorization_claim_by_state',
  ({ claimId, claimedUntil, now, stateHash }) => sql`UPDATE pending_authorization
    SET claim_id = ${claimId}, claimed_until = ${claimedUntil}, updated_at = ${now}
    WHERE state_hash = ${stateHash} AND (claimed_until IS NULL OR claimed_until < ${now}) RETURNING ${COLUMNS}`,
);

const selectByState = defineStatement<{ stateHash: Buffer }, { id: PendingAuthorizationId }>(
  'pending_authorization_by_state',
  ({ stateHash }) => sql`SELECT id FROM pending_authorization WHERE state_hash = ${stateHash}`,
);

/**
 * Tokens that belong to no connection yet. Each token is sealed and committed before the next call to Meta, because
 * Meta gives it only once. After a crash, any replica claims the row and continues from its stage.
 */
@Injectable()
export class PendingAuthorizationRepository {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Seals and commits a new token on primary and standby, claimed for `claimSeconds`. */
  async begin(pendingAuthorization: NewPendingAuthorization, claimSeconds: number): Promise<PendingAuthorization> {
    const id = this.ids.next('int');
    const claim = this.newClaim(claimSeconds);
    const { token, ...rest } = pendingAuthorization;
    const store = async (tx: Transaction): Promise<SecretId> => {
      const sealed = await this.vault.put(tx, token, contextOf({ ...rest, id }));
      await tx.run(insert({ ...rest, ...claim, id, secretId: sealed, hints: JSON.stringify(rest.hints) }));
      return sealed;
    };
    const secretId = await this.database.durably(() => this.database.longRunning.transaction(store));
    return { ...rest, id, secretId, attempts: 0, claimId: claim.claimId, createdAt: claim.now };
  }

  /** Opens the token. Throws `ClaimLostError` if it is gone. */
  async open(pendingAuthorization: PendingAuthorization): Promise<SecretString> {
    const { secretId } = pendingAuthorization;
    const token = await this.vault.get(this.database, secretId, contextOf(pendingAuthorization));
    if (token === null) throw new ClaimLostError(nameOf(pendingAuthorization));
    return token;
  }

  /** Replaces the short-lived token with the long-lived one. Throws `ClaimLostError`. */
  async advance(
    pendingAuthorization: PendingAuthorization,
    token: SecretString,
    expiresAt: Date | null,
  ): Promise<PendingAuthorization> {
    const { id, claimId } = pendingAuthorization;
    const next = { ...pendingAuthorization, stage: 'long_lived' as const, expiresAt };
    const replace = async (tx: Transaction): Promise<PendingAuthorization> => {
      const secretId = await this.vault.put(tx, token, contextOf(next));
      const updated = await tx.run(setLongLived({ id, claimId, secretId, expiresAt, now: this.clock.now() }));
      requireClaim(updated, nameOf(pendingAuthorization));
      await this.vault.destroy(tx, [pendingAuthorization.secretId]);
      return { ...next, secretId };
    };
    return this.database.durably(() => this.database.longRunning.transaction(replace));
  }

  /** Deletes it and destroys its token: it became a connection or never will. Throws `ClaimLostError`. */
  async finish(tx: Transaction, pendingAuthorization: PendingAuthorization): Promise<void> {
    const { id, claimId, secretId } = pendingAuthorization;
    requireClaim(await tx.run(deleteClaimed({ id, claimId })), nameOf(pendingAuthorization));
    await this.vault.destroy(tx, [secretId]);
  }

  /** Extends the claim by `claimSeconds` from now. Throws `ClaimLostError`. */
  async extendClaim(pendingAuthorization: PendingAuthorization, claimSeconds: number): Promise<void> {
    const { id, claimId } = pendingAuthorization;
    const now = this.clock.now();
    const extended = await this.database.run(extend({ id, claimId, claimedUntil: addSeconds(now, claimSeconds), now }));
    requireClaim(extended, nameOf(pendingAuthorization));
  }

  /** Ends the claim and postpones work until `nextAttemptAt`. */
  async release({ id, claimId }: PendingAuthorization, nextAttemptAt: Date): Promise<void> {
    await this.database.run(release({ id, claimId, nextAttemptAt, now: this.clock.now() }));
  }

  /** Claims due ones without a live claim (for example after a crash), longest due first. */
  async claimDue(limit: number, claimSeconds: number): Promise<PendingAuthorization[]> {
    const rows = await this.database.rows(claimDue({ ...this.newClaim(claimSeconds), limit }));
    return rows.map(toPendingAuthorization);
  }

  /** Claims the one from this browser's attempt. Null: none, or claimed by someone else. */
  async claimByState(stateHash: Buffer, claimSeconds: number): Promise<PendingAuthorization | null> {
    const [row] = await this.database.rows(claimByState({ ...this.newClaim(claimSeconds), stateHash }));
    return row === undefined ? null : toPendingAuthorization(row);
  }

  /** Whether a token from this browser's attempt has yet to become a connection. */
  async existsForState(executor: SqlExecutor, stateHash: Buffer): Promise<boolean> {
    return (await executor.rows(selectByState({ stateHash }))).length > 0;
  }

  private newClaim(claimSeconds: number): NewClaim {
    const now = this.clock.now();
    return { claimId: this.ids.next('clm'), claimedUntil: addSeconds(now, claimSeconds), now };
  }
}

function contextOf({ id, tenant, stage }: Pick<PendingAuthorization, 'id' | 'tenant' | 'stage'>): SealContext {
  return pendingAuthorizationContext({ pendingAuthorizationId: id, tenant, stage });
}

function nameOf({ id }: PendingAuthorization): string {
  return `pending authorization ${id}`;
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
