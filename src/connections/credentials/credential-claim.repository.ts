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
 * Claims due credentials, tenants taking turns, longest due first within each. A claim is an id and a deadline on the
 * row. `FOR UPDATE SKIP LOCKED` shares the work among replicas, and the deadline lets them take over from one that
 * died. Later writes name the claim id, so that a replica that was merely paused writes nothing.
 */
@Injectable()
export class CredentialClaimRepository {
  private readonly turns = new TenantTurns();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Claims due refreshes of one app. */
  claimRefreshes(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_REFRESHES, appId, limit, claimSeconds, {});
  }

  /** Claims an app's failed or abandoned refreshes, and Page tokens whose user token was refreshed. */
  claimRetries(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_RETRIES, appId, limit, claimSeconds, {});
  }

  /**
   * Claims an app's due refreshes that expire before `endsBefore`, earliest expiry first within each tenant. Never Page
   * tokens.
   */
  claimEnding(appId: string, limit: number, claimSeconds: number, endsBefore: Date): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_ENDING, appId, limit, claimSeconds, { endsBefore });
  }

  /**
   * Claims an app's due refreshes whose expiry is unknown. Excludes Page tokens, which have no expiry of their own, and
   * tokens that never expire, whose rotation can wait.
   */
  claimUnknownEnds(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_UNKNOWN_ENDS, appId, limit, claimSeconds, {});
  }

  /** Claims an app's credentials whose rotation was requested. */
  claimRotations(appId: string, limit: number, claimSeconds: number): Promise<ClaimedCredential[]> {
    return this.claimInTurn(DUE_ROTATIONS, appId, limit, claimSeconds, {});
  }

  /** Claims an app's due inspections. `unverifiedOnly`: only those whose verification was requested. */
  claimDueInspections(
    appId: string,
    limit: number,
    claimSeconds: number,
    unverifiedOnly = false,
  ): Promise<ClaimedCredential[]> {
    return this.claimInTurn(unverifiedOnly ? DUE_UNVERIFIED : DUE_CHECKS, appId, limit, claimSeconds, {});
  }

  /** Claims a connection's unclaimed Page credentials. `dueOnly`: only those that are due. */
  async claimPageTokens(
    connectionId: ConnectionId,
    claimSeconds: number,
    { dueOnly }: { dueOnly: boolean },
  ): Promise<ClaimedCredential[]> {
    const of = { ...this.newClaim(claimSeconds), connectionId };
    return this.claim(dueOnly ? claimDuePages(of) : claimPages(of));
  }

  /** Claims one credential, due or not. Null: claimed by another, or gone. */
  async claimOne(credentialId: CredentialId, claimSeconds: number): Promise<ClaimedCredential | null> {
    const [claimed] = await this.claim(claimOne({ ...this.newClaim(claimSeconds), credentialId }));
    return claimed ?? null;
  }

  /** Reads a credential without claiming it. Null: none. */
  async find(credentialId: CredentialId, executor: SqlExecutor = this.database): Promise<CredentialSnapshot | null> {
    return findCredential(executor, credentialId);
  }

  /** A connection's root credential. Null: none. */
  async findRoot(connectionId: ConnectionId): Promise<CredentialSnapshot | null> {
    return findRootCredential(this.database, connectionId);
  }

  /** Ids of a connection's credentials, root first. */
  async listCredentialIds(connectionId: ConnectionId): Promise<CredentialId[]> {
    return listCredentialIds(this.database, connectionId);
  }

  /** Extends claims that still hold. */
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
    { visit, claim: claimMany, claimOneEach }: DueStatements<P>,
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
      claim: (shares) => this.claim((shares.perTenant === 1 ? claimOneEach : claimMany)({ ...next, ...shares })),
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
