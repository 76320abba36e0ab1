import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { CredentialKind } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { StatusReason } from '../status/status-reason.ts';
import { TENANTS_PER_VISIT, type TenantShares, type VisitedTenant } from '../tenant-turn.ts';

interface ClaimedDiscovery {
  id: ConnectionId;
  tenant: string;
}

interface DueDiscoveries {
  appId: string;
  now: Date;
}

const visit = defineStatement<DueDiscoveries & { from: string }, { tenant: string; is_due: boolean }>(
  'discoveries_visit',
  ({ appId, from, now }) => sql`WITH RECURSIVE walk (tenant, visits) AS (
      (SELECT tenant COLLATE "C", 1 FROM connection
        WHERE app_id = ${appId} AND status = 'active' AND tenant COLLATE "C" >= ${from} ORDER BY tenant COLLATE "C" LIMIT 1)
      UNION ALL
      SELECT following.tenant, visits + 1 FROM walk, LATERAL (SELECT n.tenant COLLATE "C" AS tenant FROM connection n
        WHERE n.app_id = ${appId} AND n.status = 'active' AND n.tenant COLLATE "C" > walk.tenant
        ORDER BY n.tenant COLLATE "C" LIMIT 1) following
      WHERE visits < ${TENANTS_PER_VISIT})
    SELECT walk.tenant, first.id IS NOT NULL AS is_due FROM walk LEFT JOIN LATERAL (SELECT n.id FROM connection n
      WHERE n.app_id = ${appId} AND n.status = 'active' AND n.tenant COLLATE "C" = walk.tenant AND n.next_discovery_at <= ${now}
      ORDER BY n.next_discovery_at LIMIT 1) first ON true
    ORDER BY walk.visits`,
  { prepare: true },
);

const claimDue = defineStatement<DueDiscoveries & TenantShares & { claimedUntil: Date }, ClaimedDiscovery>(
  'discoveries_claim_due',
  ({ appId, now, claimedUntil, tenants, perTenant }) => sql`WITH due AS MATERIALIZED (
      SELECT first.id FROM unnest(${tenants}::text[]) AS share (tenant),
        LATERAL (SELECT n.id FROM connection n
          WHERE n.app_id = ${appId} AND n.status = 'active' AND n.tenant COLLATE "C" = share.tenant AND n.next_discovery_at <= ${now}
          ORDER BY n.next_discovery_at LIMIT ${perTenant} FOR UPDATE SKIP LOCKED) first)
    UPDATE connection SET next_discovery_at = ${claimedUntil} WHERE id = ANY (ARRAY(SELECT id FROM due)) RETURNING id, tenant`,
);

const schedule = defineStatement<{ connectionId: ConnectionId; at: Date }>(
  'discovery_schedule',
  ({ connectionId, at }) => sql`UPDATE connection SET next_discovery_at = ${at} WHERE id = ${connectionId}`,
);

const touch = defineStatement<{ connectionId: ConnectionId; now: Date }>(
  'connection_touch',
  ({ connectionId, now }) => sql`UPDATE connection SET updated_at = ${now} WHERE id = ${connectionId}`,
);

interface AuthorizationRow {
  tenant: string;
  product: string;
  app_id: string;
  status: ConnectionStatus;
  status_reason: StatusReason | null;
  authorized_at: Date;
  root_id: CredentialId;
}

const selectAuthorization = defineStatement<{ connectionId: ConnectionId }, AuthorizationRow>(
  'connection_authorization',
  ({
    connectionId,
  }) => sql`SELECT n.tenant, n.product, n.app_id, n.status, n.status_reason, n.authorized_at, c.id AS root_id
    FROM connection n JOIN credential c ON c.connection_id = n.id AND c.is_root WHERE n.id = ${connectionId} FOR UPDATE OF n`,
);

interface PageCredentialRow {
  id: CredentialId;
  subject_id: string;
  works: boolean;
}

const selectPages = defineStatement<{ connectionId: ConnectionId; kind: CredentialKind }, PageCredentialRow>(
  'page_credentials',
  ({
    connectionId,
    kind,
  }) => sql`SELECT id, subject_id, health <> 'invalid' AND secret_id IS NOT NULL AS works FROM credential
    WHERE connection_id = ${connectionId} AND kind = ${kind} AND NOT is_root`,
);

/** Which tenants of an app have connections due for rediscovery: see `DueWork.visit`. */
export async function visitDueDiscoveries(
  executor: SqlExecutor,
  of: DueDiscoveries & { from: string },
): Promise<VisitedTenant[]> {
  return (await executor.rows(visit(of))).map(({ tenant, is_due: isDue }) => ({ tenant, isDue }));
}

/** Claims connections due for rediscovery until `claimedUntil`, longest due first within each tenant. */
export async function claimDueDiscoveries(
  executor: SqlExecutor,
  of: DueDiscoveries & TenantShares & { claimedUntil: Date },
): Promise<ClaimedDiscovery[]> {
  return executor.rows(claimDue(of));
}

export async function scheduleDiscovery(executor: SqlExecutor, connectionId: ConnectionId, at: Date): Promise<void> {
  await executor.run(schedule({ connectionId, at }));
}

export async function touchConnection(executor: SqlExecutor, connectionId: ConnectionId, now: Date): Promise<void> {
  await executor.run(touch({ connectionId, now }));
}

/** The state left by a connection's last login. */
export interface Authorization {
  tenant: string;
  product: string;
  appId: string;
  status: ConnectionStatus;
  statusReason: StatusReason | null;
  authorizedAt: Date;
  rootId: CredentialId;
}

/** Locks the connection. Null: no such connection, or it has no root credential. */
export async function lockAuthorization(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<Authorization | null> {
  const [row] = await executor.rows(selectAuthorization({ connectionId }));
  if (row === undefined) return null;
  return {
    tenant: row.tenant,
    product: row.product,
    appId: row.app_id,
    status: row.status,
    statusReason: row.status_reason,
    authorizedAt: row.authorized_at,
    rootId: row.root_id,
  };
}

/** Credentials of a connection's Pages. `works`: holds a token not known to be dead. */
export async function listPageCredentials(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<{ id: CredentialId; pageId: string; works: boolean }[]> {
  const rows = await executor.rows(selectPages({ connectionId, kind: 'page' }));
  return rows.map(({ id, subject_id: pageId, works }) => ({ id, pageId, works }));
}
