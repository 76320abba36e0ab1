import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import {
  type ClaimedCredential,
  CREDENTIAL_SNAPSHOT_COLUMNS,
  CREDENTIAL_SNAPSHOT_JOINS,
  type CredentialSnapshot,
  type CredentialSnapshotRow,
  toCredentialSnapshot,
} from './credential-snapshot.ts';

/**
 * What is due, and whose work it is. A claim is an id and a deadline on the row: `FOR UPDATE SKIP LOCKED` shares the work among
 * replicas, the deadline lets others take it over from one that died, and every later write names the claim id, so that one
 * that was only paused writes nothing. All times are the database's.
 */
@Injectable()
export class CredentialClaimRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /**
   * Claims what is to be renewed for one app, in order of expiry. `retriesOnly`: of the new ones only those that end before
   * `urgentBefore`; the rest waits for the schedule.
   */
  async claimRefreshes(
    appId: string,
    limit: number,
    claimSeconds: number,
    only: { urgentBefore: Date } | null = null,
  ): Promise<ClaimedCredential[]> {
    const now = this.clock.now();
    const filter =
      only === null ? '' : `AND (failure_attempts > 0 OR claim_id IS NOT NULL OR kind = 'page' OR expires_at < $6)`;
    return this.claim(
      only === null ? 'claim_refreshes' : 'claim_retries',
      `SELECT id FROM credential WHERE app_id = $4 AND refresh_due_at IS NOT NULL AND refresh_after <= $3 AND refresh_due_at <= $3
         AND (claimed_until IS NULL OR claimed_until < $3) ${filter}
       ORDER BY refresh_after LIMIT $5 FOR UPDATE SKIP LOCKED`,
      [
        this.ids.next('clm'),
        addSeconds(now, claimSeconds),
        now,
        appId,
        limit,
        ...(only === null ? [] : [only.urgentBefore]),
      ],
    );
  }

  /**
   * Claims what is to be renewed for one app and ends before `endsBefore`, or at a time that Meta has not told; the first to end first.
   * Page tokens have no end of their own.
   */
  async claimExpiring(
    appId: string,
    limit: number,
    claimSeconds: number,
    endsBefore: Date,
  ): Promise<ClaimedCredential[]> {
    const now = this.clock.now();
    return this.claim(
      'claim_expiring',
      `SELECT id FROM credential WHERE app_id = $4 AND refresh_due_at IS NOT NULL AND refresh_after <= $3 AND refresh_due_at <= $3
         AND (claimed_until IS NULL OR claimed_until < $3) AND kind <> 'page' AND (expires_at IS NULL OR expires_at < $6)
       ORDER BY expires_at NULLS LAST, refresh_after LIMIT $5 FOR UPDATE SKIP LOCKED`,
      [this.ids.next('clm'), addSeconds(now, claimSeconds), now, appId, limit, endsBefore],
    );
  }

  /** Claims what is to be inspected for one app, the longest due first. `unverifiedOnly`: only what somebody has doubts about. */
  async claimDueInspections(
    appId: string,
    limit: number,
    claimSeconds: number,
    unverifiedOnly = false,
  ): Promise<ClaimedCredential[]> {
    const now = this.clock.now();
    return this.claim(
      unverifiedOnly ? 'claim_unverified' : 'claim_checks',
      `SELECT id FROM credential WHERE app_id = $4 AND check_due_at <= $3 AND (claimed_until IS NULL OR claimed_until < $3)
         ${unverifiedOnly ? `AND health = 'unknown'` : ''}
       ORDER BY check_due_at LIMIT $5 FOR UPDATE SKIP LOCKED`,
      [this.ids.next('clm'), addSeconds(now, claimSeconds), now, appId, limit],
    );
  }

  /** The page credentials of one connection that are nobody's; `dueOnly`: and that are due. */
  async claimPageTokens(
    connectionId: string,
    claimSeconds: number,
    { dueOnly }: { dueOnly: boolean },
  ): Promise<ClaimedCredential[]> {
    const now = this.clock.now();
    return this.claim(
      dueOnly ? 'claim_due_pages' : 'claim_pages',
      `SELECT id FROM credential WHERE connection_id = $4 AND kind = 'page' AND secret_id IS NOT NULL
         ${dueOnly ? 'AND refresh_due_at <= $3' : ''} AND (claimed_until IS NULL OR claimed_until < $3)
       ORDER BY id FOR UPDATE SKIP LOCKED`,
      [this.ids.next('clm'), addSeconds(now, claimSeconds), now, connectionId],
    );
  }

  /** Claims one credential, whatever is due. Null where it is another's at the moment, or gone. */
  async claimOne(credentialId: string, claimSeconds: number): Promise<ClaimedCredential | null> {
    const now = this.clock.now();
    const [claimed] = await this.claim(
      'claim_one',
      `SELECT id FROM credential WHERE id = $4 AND (claimed_until IS NULL OR claimed_until < $3) FOR UPDATE SKIP LOCKED`,
      [this.ids.next('clm'), addSeconds(now, claimSeconds), now, credentialId],
    );
    return claimed ?? null;
  }

  /** A credential as it stands, without a claim. Null where there is none. */
  async find(credentialId: string, sql: SqlExecutor = this.database): Promise<CredentialSnapshot | null> {
    const [row] = await sql.rows<CredentialSnapshotRow>({
      name: 'credential_snapshot',
      text: `SELECT ${CREDENTIAL_SNAPSHOT_COLUMNS} FROM credential c ${CREDENTIAL_SNAPSHOT_JOINS} WHERE c.id = $1`,
      values: [credentialId],
    });
    return row === undefined ? null : toCredentialSnapshot(row);
  }

  /** The root credential of a connection. Null where there is none. */
  async findRoot(connectionId: string): Promise<CredentialSnapshot | null> {
    const [row] = await this.database.rows<CredentialSnapshotRow>({
      name: 'root_credential_snapshot',
      text: `SELECT ${CREDENTIAL_SNAPSHOT_COLUMNS} FROM credential c ${CREDENTIAL_SNAPSHOT_JOINS} WHERE c.connection_id = $1 AND c.is_root`,
      values: [connectionId],
    });
    return row === undefined ? null : toCredentialSnapshot(row);
  }

  /** The ids of a connection's credentials, the root first. */
  async listCredentialIds(connectionId: string): Promise<string[]> {
    const rows = await this.database.rows<{ id: string }>({
      text: 'SELECT id FROM credential WHERE connection_id = $1 ORDER BY is_root DESC, id',
      values: [connectionId],
    });
    return rows.map((row) => row.id);
  }

  /** A sign of life: moves the deadlines of claims that are still ours. Those taken over stay the other's. */
  async extend(claims: readonly Pick<ClaimedCredential, 'id' | 'claimId'>[], claimSeconds: number): Promise<void> {
    if (claims.length === 0) return;
    await this.database.run({
      name: 'claims_extend',
      text: `UPDATE credential c SET claimed_until = $3 FROM unnest($1::text[], $2::text[]) AS mine (id, claim_id)
        WHERE c.id = mine.id AND c.claim_id = mine.claim_id`,
      values: [
        claims.map((claim) => claim.id),
        claims.map((claim) => claim.claimId),
        addSeconds(this.clock.now(), claimSeconds),
      ],
    });
  }

  /** Lets go of claims without a word about the work. */
  async release(claims: readonly Pick<ClaimedCredential, 'id' | 'claimId'>[]): Promise<void> {
    if (claims.length === 0) return;
    await this.database.run({
      name: 'claims_release',
      text: `UPDATE credential c SET claim_id = NULL, claimed_until = NULL FROM unnest($1::text[], $2::text[]) AS mine (id, claim_id)
        WHERE c.id = mine.id AND c.claim_id = mine.claim_id`,
      values: [claims.map((claim) => claim.id), claims.map((claim) => claim.claimId)],
    });
  }

  private async claim(name: string, dueIds: string, values: unknown[]): Promise<ClaimedCredential[]> {
    const rows = await this.database.rows<CredentialSnapshotRow>({
      name,
      text: `WITH due AS MATERIALIZED (${dueIds}),
        claimed AS (UPDATE credential SET claim_id = $1, claimed_until = $2 WHERE id IN (SELECT id FROM due) RETURNING *)
        SELECT ${CREDENTIAL_SNAPSHOT_COLUMNS} FROM claimed c ${CREDENTIAL_SNAPSHOT_JOINS} ORDER BY c.refresh_after, c.id`,
      values,
    });
    return rows.flatMap((row) => {
      const credential = toCredentialSnapshot(row);
      return credential.claimId === null ? [] : [{ ...credential, claimId: credential.claimId }];
    });
  }
}
