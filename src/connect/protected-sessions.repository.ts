import sql from 'sql-template-tag';
import { defineProtectedTable } from '../database/protected-table.ts';
import { defineStatement } from '../database/statement.ts';
import { CONNECT_SESSION_MAC, type CoveredSession } from './connect-session-mac.ts';
import type { ConnectSessionId } from './ids.ts';

const lockRows = defineStatement<
  { after: ConnectSessionId | null; all: boolean; limit: number },
  CoveredSession & { mac: Buffer | null }
>(
  'connect_session_lock_for_macs',
  ({
    after,
    all,
    limit,
  }) => sql`SELECT id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at, connection_id,
      closed_at, feature_type, features, expected, confirm, tenant_name, origin, app_id, mac
    FROM connect_session WHERE (${all}::boolean OR mac IS NULL) AND (${after}::text IS NULL OR id > ${after}::text)
    ORDER BY id LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeMacs = defineStatement<{ ids: readonly ConnectSessionId[]; macs: readonly Buffer[] }>(
  'connect_session_write_macs',
  ({ ids, macs }) => sql`UPDATE connect_session r SET mac = given.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS given(id, mac) WHERE r.id = given.id`,
);

const countConnectSessionMacs = defineStatement<Record<never, never>, { count: number }>(
  'connect_session_count_macs',
  () => sql`SELECT count(mac)::integer AS count FROM connect_session`,
);

/** Adds MACs to the connect sessions of an earlier release. */
export const PROTECTED_SESSIONS = defineProtectedTable({
  definition: CONNECT_SESSION_MAC,
  lockRows: (tx, { after, all, limit }) => tx.rows(lockRows({ after: after?.id ?? null, all, limit })),
  writeMacs: async (tx, rows) => {
    await tx.run(writeMacs({ ids: rows.map(({ row }) => row.id), macs: rows.map(({ mac }) => mac) }));
  },
  countMacs: () => countConnectSessionMacs({}),
});
