import sql, { type Sql } from 'sql-template-tag';
import { appVersionOf } from '../apps/app-version.query.ts';
import { joinedClient } from '../auth/client-conditions.query.ts';
import type { JoinedClient } from '../auth/client-macs.ts';
import type { Product } from '../config/config.ts';
import type { CredentialKind } from '../connections/credentials/credential-kind.ts';
import { defineStatement } from '../database/statement.ts';
import { addSeconds } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { firstIdAt } from '../platform/ids.ts';
import type { SecretId } from '../vault/ids.ts';
import { joinSealedSecret, type SealedSecretRow, sealedSecretColumns } from '../vault/sealed-secret.repository.ts';
import type { LeaseId } from './ids.ts';
import { backedLeaseFrom, leaseColumns } from './lease-conditions.query.ts';
import type { StoredLease } from './lease-mac.ts';

export interface LeaseSelection {
  leaseIds: readonly LeaseId[];
  now: Date;
  /** Ids from here (inclusive) … */
  from: LeaseId;
  /** … to here (exclusive). */
  before: LeaseId;
}

export interface ActiveLeaseRow extends StoredLease {
  secret_id: SecretId;
  /** See `appVersionOf`. */
  app_version: Buffer | null;
  client: JoinedClient;
}

export interface SealedLeaseRow extends ActiveLeaseRow, SealedSecretRow {
  secret_hash: Buffer;
  product: Product;
  version: number;
  kind: CredentialKind;
  app_id: string;
}

/** More than the longest lease lifetime plus any difference between clocks. */
const ACTIVE_SPAN_SECONDS = DAY_SECONDS;

/**
 * Limits the search to the leases that can be active at `now`: those issued within an hour, by clocks that are less
 * than a day apart.
 */
export function selectionAt(now: Date, leaseIds: readonly LeaseId[]): LeaseSelection {
  const [from, before] = [addSeconds(now, -ACTIVE_SPAN_SECONDS), addSeconds(now, ACTIVE_SPAN_SECONDS)];
  return { leaseIds, now, from: firstIdAt('lse', from), before: firstIdAt('lse', before) };
}

function isRecent({ from, before }: LeaseSelection): Sql {
  return sql`lease.id >= ${from} AND lease.id < ${before}`;
}

/**
 * A lease is active only while its client, connection, credential and ancestors are. All are read on every call, so any
 * ending takes effect at once: ancestors in a separate statement, because most leases have none, yet Postgres would
 * prepare to read them at each execution.
 */
function activeLeaseFrom(selection: LeaseSelection): Sql {
  return backedLeaseFrom(sql`l`, sql`cl`, sql`${selection.leaseIds}::text[]`, isRecent(selection));
}

function isActiveGatewayLease(selection: LeaseSelection): Sql {
  return sql`l.mode = 'gateway' AND l.ended_at IS NULL AND l.expires_at > ${selection.now}
      AND k.secret_id IS NOT NULL`;
}

const ACTIVE_LEASE_COLUMNS = sql`${leaseColumns(sql`l`)}, k.secret_id, ${joinedClient(sql`cl`)} AS client,
  ${appVersionOf(sql`c.app_id`)} AS app_version`;

/** Leaves out what the cache holds: it can't change for the same secret. */
export const selectActiveLeases = defineStatement<LeaseSelection, ActiveLeaseRow>(
  'lease_active',
  (selection) =>
    sql`SELECT ${ACTIVE_LEASE_COLUMNS} ${activeLeaseFrom(selection)} WHERE ${isActiveGatewayLease(selection)}`,
  { prepare: true },
);

export const selectSealedLeases = defineStatement<LeaseSelection, SealedLeaseRow>(
  'lease_sealed',
  (selection) => sql`SELECT ${ACTIVE_LEASE_COLUMNS}, k.version, k.kind, c.app_id, ${sealedSecretColumns(sql`s`)}
    ${activeLeaseFrom(selection)} ${joinSealedSecret(sql`s`, sql`k.secret_id`)} WHERE ${isActiveGatewayLease(selection)}`,
  { prepare: true },
);

/** For leases that have these ancestors: the ancestors that are active. */
export const selectActiveAncestors = defineStatement<LeaseSelection, StoredLease>(
  'lease_active_ancestors',
  (selection) =>
    sql`SELECT ${leaseColumns(sql`l`)} ${activeLeaseFrom(selection)} WHERE ${isActiveGatewayLease(selection)}`,
  { prepare: true },
);
