import type { EntityManager, ObjectLiteral } from 'typeorm';
import type { Health } from '../credentials/credential-kind.ts';
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
  /** What a person searches: see `EXACT_MATCHES` and `PREFIX_MATCHES`. */
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

/** What a search finds exactly, each by an index of its own. */
const EXACT_MATCHES: readonly string[] = [
  'connection c WHERE c.id = lower(:text)',
  'connection c WHERE c.reference = :text',
  'connection c WHERE c.meta_user_id = :text',
  'asset a JOIN connection c ON c.id = a.connection_id WHERE a.id = :text',
];

/**
 * What a search finds by how a text begins. `found` reads the matches by the index of that text and `walked` the
 * connections in order. `CASE` uses no index and is taken for common: Postgres cannot know how many will match, and the
 * wrong one of the two reads a million rows.
 */
const PREFIX_MATCHES = [
  {
    name: 'tenant_match',
    found: `c.id FROM connection c WHERE ${beginsWithText('c.tenant')} ORDER BY lower(c.tenant) COLLATE "C"`,
    walked: `connection c WHERE CASE WHEN ${beginsWithText('c.tenant')} THEN true END`,
  },
  {
    name: 'name_match',
    found: `a.connection_id AS id FROM asset a WHERE ${beginsWithText('a.name')} ORDER BY lower(a.name) COLLATE "C"`,
    walked: `asset a JOIN connection c ON c.id = a.connection_id
      WHERE a.connection_id > :after AND CASE WHEN ${beginsWithText('a.name')} THEN true END`,
  },
] as const;

/** So many matches of a prefix are sorted; more are so common that a page of them is soon met in order. */
const MAX_SORTED_MATCHES = 10_000;

/** Up to `limit` + 1 connections by id, as `toPage` expects. */
export function findConnectionPage(manager: EntityManager, filter: ConnectionFilter): Promise<ConnectionEntity[]> {
  const query = manager.createQueryBuilder(ConnectionEntity, 'c');
  const conditions = conditionsOf(filter);
  for (const [condition, parameters] of conditions) query.andWhere(condition, parameters);
  const { text, limit } = filter;
  if (text !== undefined)
    query.andWhere(searchCondition(conditions), { text, pageSize: limit + 1, after: filter.after ?? '' });
  return query
    .orderBy('c.id')
    .limit(limit + 1)
    .getMany();
}

/**
 * Each kind of match stops at a page of connections that also meet the other conditions, so that a search that many
 * match reads a page of each rather than all. `OFFSET 0` keeps Postgres from reading all connections for a few.
 */
function searchCondition(conditions: readonly Condition[]): string {
  const others = conditions.map(([condition]) => ` AND ${condition}`).join('');
  const pageOf = (from: string) => `(SELECT DISTINCT c.id FROM ${from}${others} ORDER BY c.id LIMIT :pageSize)`;
  const matches = PREFIX_MATCHES.map(
    ({ name, found }) => `${name} AS MATERIALIZED (SELECT ${found} LIMIT ${MAX_SORTED_MATCHES + 1})`,
  );
  const branches = PREFIX_MATCHES.flatMap(({ name, walked }) => {
    const isFew = `(SELECT count(*) FROM ${name}) <= ${MAX_SORTED_MATCHES}`;
    return [
      pageOf(`${name} m, LATERAL (SELECT * FROM connection WHERE id = m.id OFFSET 0) c WHERE ${isFew}`),
      pageOf(`${walked} AND NOT ${isFew}`),
    ];
  });
  return `c.id IN (WITH ${matches.join(', ')} ${[...EXACT_MATCHES.map(pageOf), ...branches].join(' UNION ALL ')})`;
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
