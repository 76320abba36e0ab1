import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type StatementDefinition } from '../../database/statement.ts';
import type { ClaimId } from '../ids.ts';
import { TENANTS_PER_VISIT, type TenantShares } from '../tenant-turn.ts';
import { ROTATABLE_KINDS } from './credential-kind-rules.ts';
import { SNAPSHOT_COLUMNS, SNAPSHOT_JOINS } from './credential-snapshot.repository.ts';
import type { CredentialSnapshotRow } from './credential-snapshot.ts';

export interface ClaimParameters {
  claimId: ClaimId;
  claimedUntil: Date;
  now: Date;
}

/**
 * Claims the credentials whose ids a query returns. Passes them as an array because Postgres assumes few elements for
 * arrays. For a subquery it might expect many rows and join by scanning whole tables.
 */
export function claim(dueIds: Sql, { claimId, claimedUntil }: Pick<ClaimParameters, 'claimId' | 'claimedUntil'>): Sql {
  return sql`WITH due AS MATERIALIZED (${dueIds}),
    claimed AS (UPDATE credential SET claim_id = ${claimId}, claimed_until = ${claimedUntil}
      WHERE id = ANY (ARRAY(SELECT id FROM due)) RETURNING *)
    SELECT ${SNAPSHOT_COLUMNS} FROM claimed c ${SNAPSHOT_JOINS} ORDER BY c.refresh_after, c.id`;
}

export function isFree(now: Date): Sql {
  return sql`(claimed_until IS NULL OR claimed_until < ${now})`;
}

interface VisitParameters {
  appId: string;
  from: string;
  now: Date;
}

interface TurnParameters extends ClaimParameters, TenantShares {
  appId: string;
}

interface VisitedTenantRow {
  tenant: string;
  is_due: boolean;
}

/** A kind of due work, as conditions on `credential`. */
interface Due {
  /** The predicate of the index used. */
  planned: Sql;
  /** Together with `planned`, app, and tenant: a range of that index. */
  due: Sql;
  order: Sql;
}

/**
 * Lists tenants with planned work starting at `from`, and whether any of it is due: one index search each. Neither
 * counts nor sorts a tenant's due rows.
 */
function visit({ appId, from, now }: VisitParameters, { planned, due, order }: Due): Sql {
  return sql`WITH RECURSIVE walk (tenant, visits) AS (
      (SELECT tenant, 1 FROM credential WHERE app_id = ${appId} AND ${planned} AND tenant >= ${from} ORDER BY tenant LIMIT 1)
      UNION ALL
      SELECT following.tenant, visits + 1 FROM walk, LATERAL (SELECT c.tenant FROM credential c
        WHERE c.app_id = ${appId} AND ${planned} AND c.tenant > walk.tenant ORDER BY c.tenant LIMIT 1) following
      WHERE visits < ${TENANTS_PER_VISIT})
    SELECT walk.tenant, first.id IS NOT NULL AS is_due FROM walk LEFT JOIN LATERAL (SELECT c.id FROM credential c
      WHERE c.app_id = ${appId} AND c.tenant = walk.tenant AND ${planned} AND ${due} AND ${isFree(now)} ORDER BY ${order} LIMIT 1) first ON true
    ORDER BY walk.visits`;
}

/** `perTenant`: as in `of`, or a literal. */
function claimShares(of: TurnParameters, { planned, due, order }: Due, perTenant: Sql | number): Sql {
  return claim(
    sql`SELECT first.id FROM unnest(${of.tenants}::text[]) AS share (tenant),
      LATERAL (SELECT c.id FROM credential c
        WHERE c.app_id = ${of.appId} AND c.tenant = share.tenant AND ${planned} AND ${due} AND ${isFree(of.now)}
        ORDER BY ${order} LIMIT ${perTenant} FOR UPDATE SKIP LOCKED) first`,
    of,
  );
}

/** All due refreshes, by expiry: failures do not move `refresh_after`. */
function refreshDue({ now }: { now: Date }): Due {
  return {
    planned: sql`refresh_due_at IS NOT NULL`,
    due: sql`refresh_after <= ${now} AND refresh_due_at <= ${now}`,
    order: sql`refresh_after`,
  };
}

/** Refreshes that failed or were abandoned by a dead replica, and Pages whose user token was refreshed. */
function retryDue({ now }: { now: Date }): Due {
  return {
    ...refreshDue({ now }),
    planned: sql`refresh_due_at IS NOT NULL AND (failure_attempts > 0 OR claim_id IS NOT NULL OR kind = 'page')`,
  };
}

/** Refreshes of tokens that expire before `endsBefore`. Page tokens have no expiry of their own. */
function endingDue({ now, endsBefore }: { now: Date; endsBefore: Date }): Due {
  return {
    planned: sql`refresh_due_at IS NOT NULL AND kind <> 'page'`,
    due: sql`expires_at < ${endsBefore} AND refresh_after <= ${now} AND refresh_due_at <= ${now}`,
    order: sql`expires_at`,
  };
}

/** Refreshes of tokens whose expiry is unknown. Rotations of tokens that never expire can wait. */
function unknownEndDue({ now }: { now: Date }): Due {
  return {
    planned: sql`refresh_due_at IS NOT NULL AND kind <> 'page'`,
    due: sql`expires_at IS NULL AND refresh_after <= ${now} AND refresh_due_at <= ${now} AND kind <> ALL (${ROTATABLE_KINDS}::text[])`,
    // `expires_at` is the same for all, but the index is in this order.
    order: sql`expires_at, refresh_after`,
  };
}

function rotationDue({ now }: { now: Date }): Due {
  return {
    planned: sql`rotation_due_at IS NOT NULL`,
    due: sql`rotation_due_at <= ${now}`,
    order: sql`rotation_due_at`,
  };
}

function checkDue({ now }: { now: Date }): Due {
  return { planned: sql`check_due_at IS NOT NULL`, due: sql`check_due_at <= ${now}`, order: sql`check_due_at` };
}

/** Where verification was requested. */
function unverifiedDue({ now }: { now: Date }): Due {
  return { ...checkDue({ now }), planned: sql`check_due_at IS NOT NULL AND health = 'unknown'` };
}

/** The statements for one kind of due work, with tenants taking turns. */
export interface DueStatements<P extends object> {
  visit: StatementDefinition<VisitParameters & P, VisitedTenantRow>;
  /** Not prepared: the planner needs the actual limit to pick a plan that reads only those few rows. */
  claim: StatementDefinition<TurnParameters & P, CredentialSnapshotRow>;
  /** For shares of one, as they are while many tenants have work. */
  claimOneEach: StatementDefinition<TurnParameters & P, CredentialSnapshotRow>;
}

const ONE = sql`1`;

export const DUE_REFRESHES: DueStatements<object> = {
  visit: defineStatement<VisitParameters, VisitedTenantRow>('refreshes_visit', (of) => visit(of, refreshDue(of)), {
    prepare: true,
  }),
  claim: defineStatement<TurnParameters, CredentialSnapshotRow>('claim_refreshes', (of) =>
    claimShares(of, refreshDue(of), of.perTenant),
  ),
  claimOneEach: defineStatement<TurnParameters, CredentialSnapshotRow>(
    'claim_refreshes_one_each',
    (of) => claimShares(of, refreshDue(of), ONE),
    { prepare: true },
  ),
};

export const DUE_RETRIES: DueStatements<object> = {
  visit: defineStatement<VisitParameters, VisitedTenantRow>('retries_visit', (of) => visit(of, retryDue(of)), {
    prepare: true,
  }),
  claim: defineStatement<TurnParameters, CredentialSnapshotRow>('claim_retries', (of) =>
    claimShares(of, retryDue(of), of.perTenant),
  ),
  claimOneEach: defineStatement<TurnParameters, CredentialSnapshotRow>(
    'claim_retries_one_each',
    (of) => claimShares(of, retryDue(of), ONE),
    { prepare: true },
  ),
};

export const DUE_ENDING: DueStatements<{ endsBefore: Date }> = {
  visit: defineStatement<VisitParameters & { endsBefore: Date }, VisitedTenantRow>(
    'ending_visit',
    (of) => visit(of, endingDue(of)),
    { prepare: true },
  ),
  claim: defineStatement<TurnParameters & { endsBefore: Date }, CredentialSnapshotRow>('claim_ending', (of) =>
    claimShares(of, endingDue(of), of.perTenant),
  ),
  claimOneEach: defineStatement<TurnParameters & { endsBefore: Date }, CredentialSnapshotRow>(
    'claim_ending_one_each',
    (of) => claimShares(of, endingDue(of), ONE),
    { prepare: true },
  ),
};

export const DUE_UNKNOWN_ENDS: DueStatements<object> = {
  visit: defineStatement<VisitParameters, VisitedTenantRow>(
    'unknown_ends_visit',
    (of) => visit(of, unknownEndDue(of)),
    {
      prepare: true,
    },
  ),
  claim: defineStatement<TurnParameters, CredentialSnapshotRow>('claim_unknown_ends', (of) =>
    claimShares(of, unknownEndDue(of), of.perTenant),
  ),
  claimOneEach: defineStatement<TurnParameters, CredentialSnapshotRow>(
    'claim_unknown_ends_one_each',
    (of) => claimShares(of, unknownEndDue(of), ONE),
    { prepare: true },
  ),
};

export const DUE_ROTATIONS: DueStatements<object> = {
  visit: defineStatement<VisitParameters, VisitedTenantRow>('rotations_visit', (of) => visit(of, rotationDue(of)), {
    prepare: true,
  }),
  claim: defineStatement<TurnParameters, CredentialSnapshotRow>('claim_rotations', (of) =>
    claimShares(of, rotationDue(of), of.perTenant),
  ),
  claimOneEach: defineStatement<TurnParameters, CredentialSnapshotRow>(
    'claim_rotations_one_each',
    (of) => claimShares(of, rotationDue(of), ONE),
    { prepare: true },
  ),
};

export const DUE_CHECKS: DueStatements<object> = {
  visit: defineStatement<VisitParameters, VisitedTenantRow>('checks_visit', (of) => visit(of, checkDue(of)), {
    prepare: true,
  }),
  claim: defineStatement<TurnParameters, CredentialSnapshotRow>('claim_checks', (of) =>
    claimShares(of, checkDue(of), of.perTenant),
  ),
  claimOneEach: defineStatement<TurnParameters, CredentialSnapshotRow>(
    'claim_checks_one_each',
    (of) => claimShares(of, checkDue(of), ONE),
    { prepare: true },
  ),
};

export const DUE_UNVERIFIED: DueStatements<object> = {
  visit: defineStatement<VisitParameters, VisitedTenantRow>('unverified_visit', (of) => visit(of, unverifiedDue(of)), {
    prepare: true,
  }),
  claim: defineStatement<TurnParameters, CredentialSnapshotRow>('claim_unverified', (of) =>
    claimShares(of, unverifiedDue(of), of.perTenant),
  ),
  claimOneEach: defineStatement<TurnParameters, CredentialSnapshotRow>(
    'claim_unverified_one_each',
    (of) => claimShares(of, unverifiedDue(of), ONE),
    { prepare: true },
  ),
};
