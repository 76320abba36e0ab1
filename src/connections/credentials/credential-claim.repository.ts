import { Injectable } from '@nestjs/common';
import sql, { empty, type Sql } from 'sql-template-tag';
import { Database } from '../../database/database.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { claimInTurn, TenantTurns } from '../tenant-turn.ts';
import { type ClaimReference, extendClaims, releaseClaims } from './claimed-credential.repository.ts';
import { findCredential, findRootCredential, listCredentialIds } from './credential-snapshot.repository.ts';
import {
  type ClaimedCredential,
  type CredentialSnapshot,
  type CredentialSnapshotRow,
  isClaimed,
  toCredentialSnapshot,
} from './credential-snapshot.ts';
import {
  type ClaimParameters,
  claim,
  DUE_CHECKS,
  DUE_ENDING,
  DUE_REFRESHES,
  DUE_RETRIES,
  DUE_ROTATIONS,
  DUE_UNKNOWN_ENDS,
  DUE_UNVERIFIED,
  type DueStatements,
  isFree,
} from './due-credential.repository.ts';

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
 * What is due, and whose work it is: claimed by tenant in turn, of each tenant the longest due first. A claim is an id and a deadline on
 * the row: `FOR UPDATE SKIP LOCKED` shares the work among replicas, the deadline lets others take it over from one that died, and every
 * later write names the claim id, so that one that was only paused writes nothing. All times are the database's.
 */
@Injectable()
export class CredentialClaimRepository {
  private readonly turns = new TenantTurns();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Claims what is to be refreshed for one app. */
  claimRefreshes(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_REFRESHES, appId, limit, claimSeconds, {});
  }

  /** Claims refreshes of one app that failed or were left behind, and page tokens whose user token was refreshed. */
  claimRetries(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_RETRIES, appId, limit, claimSeconds, {});
  }

  /** Claims what is to be refreshed for one app and ends before `endsBefore`; of each tenant the first to end first. Never page tokens. */
  claimEnding(appId: string, limit: number, claimSeconds: number, endsBefore: Date): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_ENDING, appId, limit, claimSeconds, { endsBefore });
  }

  /**
   * Claims what is to be refreshed for one app and ends at a time that Meta has not named. Page tokens have no end of their own, and the
   * rotation of a token without an end can wait.
   */
  claimUnknownEnds(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_UNKNOWN_ENDS, appId, limit, claimSeconds, {});
  }

  /** Claims credentials of one app whose rotation was asked for. */
  claimRotations(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_ROTATIONS, appId, limit, claimSeconds, {});
  }

  /** Claims what is to be inspected for one app. `unverifiedOnly`: only where verification was requested. */
  claimDueInspections(
    appId: string,
    limit: number,
    claimSeconds: number,
    unverifiedOnly = false,
  ): Promise<ClaimedCredential[]> {
    return this.claimInTurn(unverifiedOnly ? DUE_UNVERIFIED : DUE_CHECKS, appId, limit, claimSeconds, {});
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

  private claimInTurn<P extends object>(
    { visit, claim: claimShares }: DueStatements<P>,
    appId: string,
    limit: number,
    claimSeconds: number,
    of: P,
  ): Promise<ClaimedCredential[]> {
    const next = { ...this.newClaim(claimSeconds), ...of, appId };
    return claimInTurn(this.turns.of(visit.statementName, appId), limit, {
      visit: async (from) => {
        const rows = await this.database.rows(visit({ ...next, from }));
        return rows.map(({ tenant, is_due: isDue }) => ({ tenant, isDue }));
      },
      claim: (shares) => this.claim(claimShares({ ...next, ...shares })),
      tenantOf: ({ tenant }) => tenant,
    });
  }

  private newClaim(claimSeconds: number): ClaimParameters {
    const now = this.clock.now();
    return { claimId: this.ids.next('clm'), claimedUntil: addSeconds(now, claimSeconds), now };
  }

  private async claim(statement: ReturnType<typeof claimOne>): Promise<ClaimedCredential[]> {
    return (await this.database.rows(statement)).map(toCredentialSnapshot).filter(isClaimed);
  }
}
