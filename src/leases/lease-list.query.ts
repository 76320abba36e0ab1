import sql, { type Sql } from 'sql-template-tag';
import { clientCovers, joinClient, joinedClient } from '../auth/client-conditions.query.ts';
import type { CallerId } from '../auth/ids.ts';
import {
  connectionAndCredentialJoins,
  IS_CREDENTIAL_BACKED,
} from '../connections/credentials/leasable-credential.query.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { defineStatement, type SqlReader } from '../database/statement.ts';
import type { LeaseRecordRow } from './lease.repository.ts';
import { ANCESTORS_STAND, leaseColumns } from './lease-conditions.query.ts';

/** Ids from `from` (inclusive) to `before` (exclusive). */
export interface LeaseSpan {
  from: string;
  before: string;
}

interface PageParameters extends LeaseSpan {
  limit: number;
}

/**
 * The leases `chosen`, with the columns that determine their state. None is dropped, because a short page would count
 * as the last one.
 */
function recordsOf(chosen: Sql): Sql {
  return sql`SELECT ${leaseColumns(sql`l`)}, l.ended_at, k.scopes, ${joinedClient(sql`cl`)} AS client,
      coalesce(${IS_CREDENTIAL_BACKED} AND ${clientCovers(sql`cl`, sql`l`)} AND ${ANCESTORS_STAND}, false) AS backed
    FROM (${chosen}) l LEFT ${joinClient(sql`cl`, sql`l.client_id`)}
      LEFT ${connectionAndCredentialJoins({ connectionId: sql`l.connection_id`, credentialId: sql`l.credential_id` })}
    ORDER BY l.id DESC`;
}

const selectAll = defineStatement<PageParameters, LeaseRecordRow>('leases_page', ({ from, before, limit }) =>
  recordsOf(sql`SELECT * FROM lease WHERE id >= ${from} AND id < ${before} ORDER BY id DESC LIMIT ${limit}`),
);

/**
 * The indexes of clients and connections hold only the beginning of ids (migrations/shared-entry-indexes.ts): Postgres
 * reads in that order, and sorts the ids that begin alike.
 */
const selectOfClient = defineStatement<PageParameters & { clientId: CallerId }, LeaseRecordRow>(
  'leases_page_of_client',
  ({ clientId, from, before, limit }) =>
    recordsOf(sql`SELECT * FROM lease WHERE client_id = ${clientId} AND id >= ${from} AND id < ${before}
        AND left(id, 11) >= left(${from}, 11) AND left(id, 11) <= left(${before}, 11)
      ORDER BY left(id, 11) DESC, id DESC LIMIT ${limit}`),
);

function newestOfConnection(
  connectionId: Sql,
  clientId: CallerId | null,
  { from, before }: LeaseSpan,
  limit: number,
): Sql {
  return sql`SELECT * FROM lease WHERE connection_id = ${connectionId} AND id >= ${from} AND id < ${before}
      AND left(id, 10) >= left(${from}, 10) AND left(id, 10) <= left(${before}, 10)
      AND (${clientId}::text IS NULL OR client_id = ${clientId})
    ORDER BY left(id, 10) DESC, id DESC LIMIT ${limit}`;
}

const selectOfConnection = defineStatement<
  PageParameters & { connectionId: ConnectionId; clientId: CallerId | null },
  LeaseRecordRow
>('leases_page_of_connection', ({ connectionId, clientId, limit, ...span }) =>
  recordsOf(newestOfConnection(sql`${connectionId}`, clientId, span, limit)),
);

/** As for a connection, for each one of the tenant. An index by tenant would add to the cost of every lease. */
const selectOfTenant = defineStatement<PageParameters & { tenant: string; clientId: CallerId | null }, LeaseRecordRow>(
  'leases_page_of_tenant',
  ({ tenant, clientId, limit, ...span }) =>
    recordsOf(sql`SELECT found.* FROM (SELECT id FROM connection WHERE tenant = ${tenant} OFFSET 0) c CROSS JOIN LATERAL (
      ${newestOfConnection(sql`c.id`, clientId, span, limit)}) found
    ORDER BY found.id DESC LIMIT ${limit}`),
);

/** Whose leases to list; null: any. `tenant` is used only without a connection, which implies its tenant. */
export interface LeaseOwners {
  connectionId: ConnectionId | null;
  tenant: string | null;
  clientId: CallerId | null;
}

/** The newest leases of a span, newest first, without checking their MACs. */
export function listLeases(
  executor: SqlReader,
  { connectionId, tenant, clientId }: LeaseOwners,
  page: PageParameters,
): Promise<LeaseRecordRow[]> {
  if (connectionId !== null) return executor.rows(selectOfConnection({ ...page, connectionId, clientId }));
  if (tenant !== null) return executor.rows(selectOfTenant({ ...page, tenant, clientId }));
  if (clientId !== null) return executor.rows(selectOfClient({ ...page, clientId }));
  return executor.rows(selectAll(page));
}
