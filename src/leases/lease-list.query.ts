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

/** Ids from `from` (inclusive) to `before` (exclusive), and the span in which their leases end. */
export interface LeaseSpan {
  from: string;
  before: string;
  endsAfter: Date;
  endsUntil: Date;
}

interface PageParameters extends LeaseSpan {
  limit: number;
}

/** The leases `chosen`, with what decides about them. None is dropped, as a short page would be the last one. */
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

/** `id || ''` is what the index has, which no other statement can use. */
const selectOfClient = defineStatement<PageParameters & { clientId: CallerId }, LeaseRecordRow>(
  'leases_page_of_client',
  ({ clientId, from, before, limit }) =>
    recordsOf(sql`SELECT * FROM lease WHERE client_id = ${clientId} AND (id || '') >= ${from} AND (id || '') < ${before}
      ORDER BY (id || '') DESC LIMIT ${limit}`),
);

/** OFFSET 0 keeps Postgres from walking the whole table by id in the hope of soon finding the connection. */
const selectOfConnection = defineStatement<
  PageParameters & { connectionId: ConnectionId; clientId: CallerId | null },
  LeaseRecordRow
>('leases_page_of_connection', ({ connectionId, clientId, from, before, endsAfter, endsUntil, limit }) =>
  recordsOf(sql`SELECT * FROM (
      SELECT * FROM lease WHERE connection_id = ${connectionId} AND expires_at > ${endsAfter} AND expires_at <= ${endsUntil}
        AND (${clientId}::text IS NULL OR client_id = ${clientId}) OFFSET 0) found
    WHERE id >= ${from} AND id < ${before} ORDER BY id DESC LIMIT ${limit}`),
);

/** As those of a connection, for each of the tenant: leases have no index by tenant, which each would have to pay for. */
const selectOfTenant = defineStatement<PageParameters & { tenant: string; clientId: CallerId | null }, LeaseRecordRow>(
  'leases_page_of_tenant',
  ({ tenant, clientId, from, before, endsAfter, endsUntil, limit }) =>
    recordsOf(sql`SELECT found.* FROM (SELECT id FROM connection WHERE tenant = ${tenant} OFFSET 0) c CROSS JOIN LATERAL (
      SELECT * FROM lease WHERE connection_id = c.id AND expires_at > ${endsAfter} AND expires_at <= ${endsUntil}
        AND (${clientId}::text IS NULL OR client_id = ${clientId}) OFFSET 0) found
    WHERE found.id >= ${from} AND found.id < ${before} ORDER BY found.id DESC LIMIT ${limit}`),
);

/** Whose leases; null: of all. `tenant` counts where there is no connection, which has one. */
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
