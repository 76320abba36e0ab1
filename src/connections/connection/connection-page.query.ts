import type { EntityManager, ObjectLiteral } from 'typeorm';
import type { Statement } from '../../database/statement.ts';
import type { Health } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { StatusReasonCode } from '../status/status-reason.ts';
import { ConnectionEntity } from './connection.entity.ts';

export interface ConnectionFilter {
  tenant?: string;
  product?: string;
  status?: ConnectionStatus;
  reason?: StatusReasonCode;
  /** Of at least one credential. */
  health?: Health;
  /** A credential, or access to the user's data, expires before this. */
  expiresBefore?: Date;
  /** Meta's id of an asset it reaches. */
  assetId?: string;
  metaUserId?: string;
  reference?: string;
  /** What a person searches: see `MATCHES`. */
  text?: string;
  /** From the client's policy. Null: all tenants. */
  visibleTenants: readonly string[] | null;
  visibleProducts: readonly string[] | null;
  limit: number;
  /** The last id of the previous page. */
  after: string | null;
}

type Condition = readonly [sql: string, parameters: ObjectLiteral];

const HAS_HEALTH = 'c.id IN (SELECT k.connection_id FROM credential k WHERE k.health = :health)';
const EXPIRES_BEFORE = `(c.data_access_expires_at < :before
  OR EXISTS (SELECT 1 FROM credential k WHERE k.connection_id = c.id AND k.expires_at < :before))`;
const REACHES_ASSET = 'c.id IN (SELECT a.connection_id FROM asset a WHERE a.id = :assetId)';

/** The lower case of a text begins with the search: a range, as both are compared byte by byte. */
const beginsWithText = (column: string): string =>
  `lower(${column}) COLLATE "C" >= lower(:text) AND lower(${column}) COLLATE "C" < lower(:text) || chr(1114111)`;

/** What a search finds, each by an index of its own, from the page's connections. */
const MATCHES: readonly string[] = [
  'connection c WHERE c.id = lower(:text)',
  'connection c WHERE c.reference = :text',
  'connection c WHERE c.meta_user_id = :text',
  `connection c WHERE ${beginsWithText('c.tenant')}`,
  'asset a JOIN connection c ON c.id = a.connection_id WHERE a.id = :text',
  `asset a JOIN connection c ON c.id = a.connection_id WHERE ${beginsWithText('a.name')}`,
];

/** Selects the ids of up to `limit` + 1 connections, in order, as `toPage` expects. */
export function connectionPage(manager: EntityManager, filter: ConnectionFilter): Statement<{ id: ConnectionId }> {
  const query = manager.createQueryBuilder(ConnectionEntity, 'c').select('c.id', 'id');
  const conditions = conditionsOf(filter);
  for (const [condition, parameters] of conditions) query.andWhere(condition, parameters);
  const { text, limit } = filter;
  if (text !== undefined) query.andWhere(searchCondition(conditions), { text, pageSize: limit + 1 });
  const [statement, values] = query
    .orderBy('c.id')
    .limit(limit + 1)
    .getQueryAndParameters();
  return { text: statement, values, label: 'connection_page' };
}

/**
 * Each kind of match stops at a page of connections that also meet the other conditions, so that a search that many
 * match reads a page of each rather than all.
 */
function searchCondition(conditions: readonly Condition[]): string {
  const others = conditions.map(([condition]) => ` AND ${condition}`).join('');
  const branches = MATCHES.map((from) => `(SELECT DISTINCT c.id FROM ${from}${others} ORDER BY c.id LIMIT :pageSize)`);
  return `c.id IN (${branches.join(' UNION ALL ')})`;
}

function conditionsOf(filter: ConnectionFilter): Condition[] {
  const { tenant, product, status, reason, health, reference, expiresBefore, assetId, metaUserId } = filter;
  const { visibleTenants, visibleProducts, after } = filter;
  const conditions: (Condition | null)[] = [
    tenant === undefined ? null : ['c.tenant = :tenant', { tenant }],
    product === undefined ? null : ['c.product = :product', { product }],
    status === undefined ? null : ['c.status = :status', { status }],
    reason === undefined ? null : [`c.status_reason->>'code' = :reason`, { reason }],
    health === undefined ? null : [HAS_HEALTH, { health }],
    expiresBefore === undefined ? null : [EXPIRES_BEFORE, { before: expiresBefore }],
    reference === undefined ? null : ['c.reference = :reference', { reference }],
    assetId === undefined ? null : [REACHES_ASSET, { assetId }],
    metaUserId === undefined ? null : ['c.meta_user_id = :metaUserId', { metaUserId }],
    visibleTenants === null ? null : ['c.tenant = ANY (:tenants)', { tenants: visibleTenants }],
    visibleProducts === null ? null : ['c.product = ANY (:products)', { products: visibleProducts }],
    after === null ? null : ['c.id > :after', { after }],
  ];
  return conditions.filter((condition) => condition !== null);
}
