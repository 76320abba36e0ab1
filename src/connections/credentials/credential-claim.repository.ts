import { Injectable } from '@nestjs/common';
import sql, { empty, type Sql } from 'sql-template-tag';
import { Database } from '../../database/database.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import type { ClaimId, ConnectionId, CredentialId } from '../ids.ts';
import { type ClaimReference, extendClaims, releaseClaims } from './claimed-credential.repository.ts';
import { ROTATABLE_KINDS } from './credential-kind-rules.ts';
import {
  findCredential,
  findRootCredential,
  listCredentialIds,
  SNAPSHOT_COLUMNS,
  SNAPSHOT_JOINS,
} from './credential-snapshot.repository.ts';
import {
  type ClaimedCredential,
  type CredentialSnapshot,
  type CredentialSnapshotRow,
  isClaimed,
  toCredentialSnapshot,
} from './credential-snapshot.ts';

interface ClaimParameters {
  claimId: ClaimId;
  claimedUntil: Date;
  now: Date;
}

interface AppClaimParameters extends ClaimParameters {
  appId: string;
  limit: number;
}

function claim(dueIds: Sql, { claimId, claimedUntil }: ClaimParameters): Sql {
  return sql`WITH due AS MATERIALIZED (${dueIds}),
    claimed AS (UPDATE credential SET claim_id = ${claimId}, claimed_until = ${claimedUntil}
      WHERE id IN (SELECT id FROM due) RETURNING *)
    SELECT ${SNAPSHOT_COLUMNS} FROM claimed c ${SNAPSHOT_JOINS} ORDER BY c.refresh_after, c.id`;
}

function isFree(now: Date): Sql {
  return sql`(claimed_until IS NULL OR claimed_until < ${now})`;
}

function isRefreshDue({ appId, now }: AppClaimParameters): Sql {
  return sql`app_id = ${appId} AND refresh_due_at IS NOT NULL AND refresh_after <= ${now} AND refresh_due_at <= ${now} AND ${isFree(now)}`;
}

const claimRefreshes = defineStatement<AppClaimParameters, CredentialSnapshotRow>(
  'claim_refreshes',
  (of) =>
    claim(
      sql`SELECT id FROM credential WHERE ${isRefreshDue(of)}
       ORDER BY refresh_after LIMIT ${of.limit} FOR UPDATE SKIP LOCKED`,
      of,
    ),
  { prepare: true },
);

const claimRetries = defineStatement<AppClaimParameters & { urgentBefore: Date }, CredentialSnapshotRow>(
  'claim_retries',
  (of) =>
    claim(
      sql`SELECT id FROM credential WHERE ${isRefreshDue(of)}
         AND (failure_attempts > 0 OR claim_id IS NOT NULL OR kind = 'page' OR expires_at < ${of.urgentBefore})
       ORDER BY refresh_after LIMIT ${of.limit} FOR UPDATE SKIP LOCKED`,
      of,
    ),
  { prepare: true },
);

const claimRotations = defineStatement<AppClaimParameters, CredentialSnapshotRow>(
  'claim_rotations',
  (of) =>
    claim(
      sql`SELECT id FROM credential WHERE app_id = ${of.appId} AND rotation_due_at <= ${of.now} AND ${isFree(of.now)}
       ORDER BY rotation_due_at LIMIT ${of.limit} FOR UPDATE SKIP LOCKED`,
      of,
    ),
  { prepare: true },
);

const claimExpiring = defineStatement<AppClaimParameters & { endsBefore: Date }, CredentialSnapshotRow>(
  'claim_expiring',
  (of) =>
    claim(
      sql`SELECT id FROM credential WHERE ${isRefreshDue(of)}
         AND kind <> 'page' AND ((expires_at IS NULL AND kind <> ALL (${ROTATABLE_KINDS}::text[])) OR expires_at < ${of.endsBefore})
       ORDER BY expires_at NULLS LAST, refresh_after LIMIT ${of.limit} FOR UPDATE SKIP LOCKED`,
      of,
    ),
  { prepare: true },
);

function claimDueChecks(of: AppClaimParameters, filter: Sql): Sql {
  return claim(
    sql`SELECT id FROM credential WHERE app_id = ${of.appId} AND check_due_at <= ${of.now} AND ${isFree(of.now)} ${filter}
       ORDER BY check_due_at LIMIT ${of.limit} FOR UPDATE SKIP LOCKED`,
    of,
  );
}

const claimChecks = defineStatement<AppClaimParameters, CredentialSnapshotRow>(
  'claim_checks',
  (of) => claimDueChecks(of, empty),
  { prepare: true },
);

const claimUnverified = defineStatement<AppClaimParameters, CredentialSnapshotRow>(
  'claim_unverified',
  (of) => claimDueChecks(of, sql`AND health = 'unknown'`),
  { prepare: true },
);

interface PageClaimParameters extends ClaimParameters {
  connectionId: ConnectionId;
}

function claimPagesOf(of: PageClaimParameters, filter: Sql): Sql {
  return claim(
    sql`SELECT id FROM credential WHERE connection_id = ${of.connectionId} AND kind = 'page' AND secret_id IS NOT NULL
         ${filter} AND ${isFree(of.now)}
       ORDER BY id FOR UPDATE SKIP LOCKED`,
    of,
  );
}

const claimPages = defineStatement<PageClaimParameters, CredentialSnapshotRow>(
  'claim_pages',
  (of) => claimPagesOf(of, empty),
  { prepare: true },
);

const claimDuePages = defineStatement<PageClaimParameters, CredentialSnapshotRow>(
  'claim_due_pages',
  (of) => claimPagesOf(of, sql`AND refresh_due_at <= ${of.now}`),
  { prepare: true },
);

const claimOne = defineStatement<ClaimParameters & { credentialId: CredentialId }, CredentialSnapshotRow>(
  'claim_one',
  (of) =>
    claim(
      sql`SELECT id FROM credential WHERE id = ${of.credentialId} AND ${isFree(of.now)} FOR UPDATE SKIP LOCKED`,
      of,
    ),
  { prepare: true },
);

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
   * Claims what is to be refreshed for one app, in order of expiry. `only`: of the new ones those that end before `urgentBefore`; the
   * rest waits for the schedule.
   */
  async claimRefreshes(
    appId: string,
    limit: number,
    claimSeconds: number,
    only: { urgentBefore: Date } | null = null,
  ): Promise<ClaimedCredential[]> {
    const of = { ...this.newClaim(claimSeconds), appId, limit };
    return this.claim(only === null ? claimRefreshes(of) : claimRetries({ ...of, urgentBefore: only.urgentBefore }));
  }

  /**
   * Claims what is to be refreshed for one app and ends before `endsBefore`, or at a time that Meta has not named; the first to end first.
   * Page tokens have no end of their own, and the rotation of a token without an end can wait.
   */
  async claimExpiring(
    appId: string,
    limit: number,
    claimSeconds: number,
    endsBefore: Date,
  ): Promise<ClaimedCredential[]> {
    return this.claim(claimExpiring({ ...this.newClaim(claimSeconds), appId, limit, endsBefore }));
  }

  /** Claims credentials of one app whose rotation was asked for, the longest due first. */
  async claimRotations(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claim(claimRotations({ ...this.newClaim(claimSeconds), appId, limit }));
  }

  /** Claims what is to be inspected for one app, the longest due first. `unverifiedOnly`: only where verification was requested. */
  async claimDueInspections(
    appId: string,
    limit: number,
    claimSeconds: number,
    unverifiedOnly = false,
  ): Promise<ClaimedCredential[]> {
    const of = { ...this.newClaim(claimSeconds), appId, limit };
    return this.claim(unverifiedOnly ? claimUnverified(of) : claimChecks(of));
  }

  /** The page credentials of one connection that nobody has claimed; `dueOnly`: and that are due. */
  async claimPageTokens(
    connectionId: ConnectionId,
    claimSeconds: number,
    { dueOnly }: { dueOnly: boolean },
  ): Promise<ClaimedCredential[]> {
    const of = { ...this.newClaim(claimSeconds), connectionId };
    return this.claim(dueOnly ? claimDuePages(of) : claimPages(of));
  }

  /** Claims one credential, whatever is due. Null where it is another's at the moment, or gone. */
  async claimOne(credentialId: CredentialId, claimSeconds: number): Promise<ClaimedCredential | null> {
    const [claimed] = await this.claim(claimOne({ ...this.newClaim(claimSeconds), credentialId }));
    return claimed ?? null;
  }

  /** A credential as it stands, without a claim. Null where there is none. */
  async find(credentialId: CredentialId, executor: SqlExecutor = this.database): Promise<CredentialSnapshot | null> {
    return findCredential(executor, credentialId);
  }

  /** The root credential of a connection. Null where there is none. */
  async findRoot(connectionId: ConnectionId): Promise<CredentialSnapshot | null> {
    return findRootCredential(this.database, connectionId);
  }

  /** The ids of a connection's credentials, the root first. */
  async listCredentialIds(connectionId: ConnectionId): Promise<CredentialId[]> {
    return listCredentialIds(this.database, connectionId);
  }

  /** Moves the deadlines of claims that are still ours. Those taken over stay the other's. */
  async extend(claims: readonly ClaimReference[], claimSeconds: number): Promise<void> {
    if (claims.length === 0) return;
    const claimedUntil = addSeconds(this.clock.now(), claimSeconds);
    await extendClaims(this.database, claims, claimedUntil);
  }

  /** Ends claims without recording an outcome. */
  async release(claims: readonly ClaimReference[]): Promise<void> {
    if (claims.length > 0) await releaseClaims(this.database, claims);
  }

  private newClaim(claimSeconds: number): ClaimParameters {
    const now = this.clock.now();
    return { claimId: this.ids.next('clm'), claimedUntil: addSeconds(now, claimSeconds), now };
  }

  private async claim(statement: ReturnType<typeof claimOne>): Promise<ClaimedCredential[]> {
    return (await this.database.rows(statement)).map(toCredentialSnapshot).filter(isClaimed);
  }
}
