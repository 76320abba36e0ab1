import type { EntityManager, ObjectLiteral } from 'typeorm';
import type { Statement } from '../../database/statement.ts';
import type { Health } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { StatusReasonCode } from '../status/status-reason.ts';
import { ConnectionEntity } from './connection.entity.ts';
import {
  EXACT_MATCHES,
  EXPIRES_BEFORE,
  EXPIRY_MATCH,
  isInPageOf,
  MATCH_PARAMETERS,
  PREFIX_MATCHES,
} from './matching-connections.query.ts';

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
const REACHES_ASSET = 'c.id IN (SELECT a.connection_id FROM asset a WHERE a.id = :assetId)';

/** Selects the ids of up to `limit` + 1 connections, in order, as `toPage` expects. */
export function connectionPage(manager: EntityManager, filter: ConnectionFilter): Statement<{ id: ConnectionId }> {
  const query = manager.createQueryBuilder(ConnectionEntity, 'c').select('c.id', 'id');
  const pageSize = filter.limit + 1;
  const page = { ...MATCH_PARAMETERS, after: filter.after ?? '', pageSize };
  const { text, expiresBefore, ...others } = filter;
  const isSearch = text !== undefined;
  const conditions = conditionsOf(isSearch ? filter : others);
  for (const [condition, parameters] of conditions) query.andWhere(condition, parameters);
  const texts = conditions.map(([condition]) => condition);
  if (isSearch) query.andWhere(isInPageOf(EXACT_MATCHES, PREFIX_MATCHES, texts), { ...page, text });
  else if (expiresBefore) query.andWhere(isInPageOf([], [EXPIRY_MATCH], texts), { ...page, before: expiresBefore });
  const [statement, values] = query.orderBy('c.id').limit(pageSize).getQueryAndParameters();
  return { text: statement, values, label: 'connection_page' };
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
