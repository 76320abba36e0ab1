import sql, { join, type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ClaimId, CredentialId } from '../ids.ts';
import { type HealthChange, healthsAfter } from './credential-health.ts';

/** What a write under a claim names: the claim and the version it knows. */
export interface OwnClaim {
  id: CredentialId;
  claimId: ClaimId;
  version: number;
}

export type ClaimReference = Pick<OwnClaim, 'id' | 'claimId'>;

/** WHERE: the claim still holds at the version it knows. */
export function isOwnClaim({ id, claimId, version }: OwnClaim): Sql {
  return sql`id = ${id} AND claim_id = ${claimId} AND version = ${version}`;
}

/** SET: ends the claim. */
export const CLAIM_ENDS = sql`claim_id = NULL, claimed_until = NULL`;

/**
 * Whether verification of credential `c` was requested since the claim began, in which case it stays requested: only
 * such requests move `check_due_at` without a claim. `checkDueAt`: as known to the claim, in milliseconds; the column
 * is more precise.
 */
export function verificationRequestedSince(checkDueAt: Date | Sql | null): Sql {
  return sql`date_trunc('milliseconds', c.check_due_at) IS DISTINCT FROM ${checkDueAt}::timestamptz`;
}

/** Whether credential `c` became due since the claim began, as Page tokens do when their user token is refreshed. */
export function madeDueSince(refreshAfter: Date | Sql | null): Sql {
  return sql`date_trunc('milliseconds', c.refresh_after) IS DISTINCT FROM ${refreshAfter}::timestamptz`;
}

/** For updates of credential: the health after `change`, from the transition table. */
export function nextHealthSql(change: HealthChange): Sql {
  const results = healthsAfter(change);
  const [[, only] = ['unknown', 'unknown']] = results;
  if (results.every(([, to]) => to === only)) return sql`${only}`;
  const cases = results.map(([from, to]) => sql`WHEN ${from}::text THEN ${to}::text`);
  return sql`CASE health ${join(cases, ' ')} END`;
}

const lock = defineStatement<OwnClaim, { id: CredentialId }>(
  'claim_lock',
  (claim) => sql`SELECT id FROM credential WHERE ${isOwnClaim(claim)} FOR UPDATE`,
  { prepare: true },
);

/** Locks the row. False if the claim was lost. */
export async function lockClaim(executor: SqlExecutor, { id, claimId, version }: OwnClaim): Promise<boolean> {
  return (await executor.rows(lock({ id, claimId, version }))).length === 1;
}

interface ClaimsParameters {
  ids: CredentialId[];
  claimIds: ClaimId[];
}

function ofClaims({ ids, claimIds }: ClaimsParameters): Sql {
  return sql`FROM unnest(${ids}::text[], ${claimIds}::text[]) AS mine (id, claim_id)
    WHERE c.id = mine.id AND c.claim_id = mine.claim_id`;
}

const extend = defineStatement<ClaimsParameters & { claimedUntil: Date }>(
  'claims_extend',
  (of) => sql`UPDATE credential c SET claimed_until = ${of.claimedUntil} ${ofClaims(of)}`,
  { prepare: true },
);

const release = defineStatement<ClaimsParameters>(
  'claims_release',
  (of) => sql`UPDATE credential c SET ${CLAIM_ENDS} ${ofClaims(of)}`,
  { prepare: true },
);

/** Extends claims that still hold. */
export async function extendClaims(
  executor: SqlExecutor,
  claims: readonly ClaimReference[],
  claimedUntil: Date,
): Promise<void> {
  await executor.run(extend({ ...toParameters(claims), claimedUntil }));
}

export async function releaseClaims(executor: SqlExecutor, claims: readonly ClaimReference[]): Promise<void> {
  await executor.run(release(toParameters(claims)));
}

function toParameters(claims: readonly ClaimReference[]): ClaimsParameters {
  return { ids: claims.map(({ id }) => id), claimIds: claims.map(({ claimId }) => claimId) };
}
