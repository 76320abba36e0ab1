import { Injectable } from '@nestjs/common';
import sql, { empty, join, type Sql } from 'sql-template-tag';
import { Database } from '../database/database.ts';
import { defineStatement } from '../database/statement.ts';
import type { Id } from '../platform/ids.ts';
import type { Actor } from './actor.ts';
import { firstAuditIdAt } from './chain/entry-id-time.ts';
import type { AuditEntryId } from './ids.ts';

export interface AuditFilter {
  /** Not validated: an unknown id finds nothing. */
  connectionId?: string;
  /** Actions by this client and actions on it. */
  clientId?: string;
  action?: string;
  /** Inclusive. */
  from?: Date;
  /** Exclusive. */
  to?: Date;
  /**
   * What the reader's policy allows; null means all. Entries without a tenant are only visible to readers of all
   * tenants.
   */
  visibleTenants: readonly string[] | null;
  /** Null means all. Entries without a product are always included. */
  visibleProducts: readonly string[] | null;
  limit: number;
  /** Ids before this one; null starts at the newest. */
  before: string | null;
}

export interface AuditEntryRow {
  id: AuditEntryId;
  at: Date;
  action: string;
  actor_kind: Actor['kind'];
  actor_id: string | null;
  tenant: string | null;
  product: string | null;
  connection_id: Id<'con'> | null;
  subject_id: string | null;
  request_id: string | null;
  details: Record<string, unknown>;
}

/** How far the time in an id may be from `at`, which the statement that writes the entry may set. */
const ID_TIME_TOLERANCE_MS = 3_600_000;

/** The filter as statement parameters; null means no condition. */
interface ListParameters extends Pick<AuditFilter, 'visibleTenants' | 'visibleProducts' | 'limit' | 'before'> {
  connectionId: string | null;
  clientId: string | null;
  action: string | null;
  /** The id narrows the range on the primary key; `at` decides. */
  from: { at: Date; id: AuditEntryId } | null;
  to: { at: Date; id: AuditEntryId } | null;
}

const NO_CONDITION: Partial<ListParameters> = {
  connectionId: null,
  clientId: null,
  action: null,
  from: null,
  to: null,
  visibleTenants: null,
  visibleProducts: null,
  before: null,
};
const EVERY_CONDITION: Partial<ListParameters> = {
  from: { at: new Date(0), id: 'aud_0' },
  to: { at: new Date(0), id: 'aud_0' },
};

const listStatement = defineStatement<ListParameters, AuditEntryRow>(
  'audit_entry_list',
  (
    parameters,
  ) => sql`SELECT e.id, e.at, e.action, e.actor_kind, e.actor_id, e.tenant, e.product, e.connection_id, e.subject_id,
      e.request_id, e.details
    FROM audit_entry e ${where(parameters)} ORDER BY ${order(parameters)} LIMIT ${parameters.limit}`,
  { variants: [NO_CONDITION, EVERY_CONDITION] },
);

/** Reads audit entries for display. */
@Injectable()
export class AuditEntryQuery {
  constructor(private readonly database: Database) {}

  /** Returns up to `limit` + 1 entries, newest first, as `toPage` expects. */
  list(filter: AuditFilter): Promise<AuditEntryRow[]> {
    const { connectionId = null, clientId = null, action = null, from, to, limit } = filter;
    return this.database.reads.rows(
      listStatement({
        ...filter,
        connectionId,
        clientId,
        action,
        from: from === undefined ? null : { at: from, id: firstAuditIdAt(from.getTime() - ID_TIME_TOLERANCE_MS) },
        to: to === undefined ? null : { at: to, id: firstAuditIdAt(to.getTime() + ID_TIME_TOLERANCE_MS) },
        limit: limit + 1,
      }),
    );
  }
}

/** The index of connections has only the beginning of ids; Postgres sorts entries that share it. */
function order({ connectionId }: ListParameters): Sql {
  return connectionId === null ? sql`e.id DESC` : sql`left(e.id, 10) DESC, e.id DESC`;
}

function where(parameters: ListParameters): Sql {
  const conditions = [
    ...identityConditions(parameters),
    ...timeConditions(parameters),
    ...policyConditions(parameters),
  ];
  return conditions.length === 0 ? empty : sql`WHERE ${join(conditions, ' AND ')}`;
}

function identityConditions({ connectionId, clientId, action, before }: ListParameters): Sql[] {
  const conditions: Sql[] = [];
  if (before !== null) conditions.push(sql`e.id < ${before}`);
  if (connectionId !== null) {
    conditions.push(sql`e.connection_id = ${connectionId}`);
    if (before !== null) conditions.push(sql`left(e.id, 10) <= left(${before}, 10)`);
  }
  if (action !== null) conditions.push(sql`e.action = ${action}`);
  if (clientId !== null) {
    conditions.push(sql`(e.actor_id = ${clientId} OR (e.subject_id = ${clientId} AND e.action LIKE 'client.%'))`);
  }
  return conditions;
}

function timeConditions({ from, to }: ListParameters): Sql[] {
  const conditions: Sql[] = [];
  if (from !== null) conditions.push(sql`e.id >= ${from.id}`, sql`e.at >= ${from.at}`);
  if (to !== null) conditions.push(sql`e.id < ${to.id}`, sql`e.at < ${to.at}`);
  return conditions;
}

function policyConditions({ visibleTenants, visibleProducts }: ListParameters): Sql[] {
  const conditions: Sql[] = [];
  if (visibleTenants !== null) conditions.push(sql`e.tenant = ANY (${visibleTenants})`);
  if (visibleProducts !== null) conditions.push(sql`(e.product IS NULL OR e.product = ANY (${visibleProducts}))`);
  return conditions;
}
