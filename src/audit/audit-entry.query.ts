import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import type { Actor } from './audit-log.ts';
import { firstAuditIdAt } from './chain/entry-id-time.ts';

export interface AuditFilter {
  connectionId?: string;
  /** What this client did, and what was done to it. */
  clientId?: string;
  action?: string;
  /** Inclusive. */
  from?: Date;
  /** Exclusive. */
  to?: Date;
  /** The reader's policy: null is all. Entries without a tenant are for those who see all. */
  visibleTenants: readonly string[] | null;
  /** Null is all. Entries without a product are not held back by this. */
  visibleProducts: readonly string[] | null;
  limit: number;
  /** The id before which the page begins. */
  before: string | null;
}

export interface AuditEntryRow {
  id: string;
  at: Date;
  action: string;
  actor_kind: Actor['kind'];
  actor_id: string | null;
  tenant: string | null;
  product: string | null;
  connection_id: string | null;
  subject_id: string | null;
  request_id: string | null;
  details: Record<string, unknown>;
}

/** An id is made moments before its entry says the time, and `at` may be set by the statement that writes it. */
const ID_TIME_TOLERANCE_MS = 3_600_000;

/** Reads the record for people. */
@Injectable()
export class AuditEntryQuery {
  constructor(private readonly database: Database) {}

  /** Up to `limit` + 1 entries, the newest first, as `toPage` wants them. */
  list(filter: AuditFilter): Promise<AuditEntryRow[]> {
    const values: unknown[] = [];
    const bind = (value: unknown): string => `$${values.push(value)}`;
    const conditions = [
      ...identityConditions(filter, bind),
      ...timeConditions(filter, bind),
      ...policyConditions(filter, bind),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    return this.database.rows<AuditEntryRow>({
      text: `SELECT e.id, e.at, e.action, e.actor_kind, e.actor_id, e.tenant, e.product, e.connection_id, e.subject_id, e.request_id,
        e.details FROM audit_entry e ${where} ORDER BY e.id DESC LIMIT ${bind(filter.limit + 1)}`,
      values,
    });
  }
}

type BindValue = (value: unknown) => string;

function identityConditions({ connectionId, clientId, action, before }: AuditFilter, bind: BindValue): string[] {
  const conditions: string[] = [];
  if (before !== null) conditions.push(`e.id < ${bind(before)}`);
  if (connectionId !== undefined) conditions.push(`e.connection_id = ${bind(connectionId)}`);
  if (action !== undefined) conditions.push(`e.action = ${bind(action)}`);
  if (clientId !== undefined) {
    const id = bind(clientId);
    conditions.push(`(e.actor_id = ${id} OR (e.subject_id = ${id} AND e.action LIKE 'client.%'))`);
  }
  return conditions;
}

/** The id's time narrows the range on the primary key; `at` decides. */
function timeConditions({ from, to }: AuditFilter, bind: BindValue): string[] {
  const conditions: string[] = [];
  if (from !== undefined) {
    conditions.push(`e.id >= ${bind(firstAuditIdAt(from.getTime() - ID_TIME_TOLERANCE_MS))}`, `e.at >= ${bind(from)}`);
  }
  if (to !== undefined) {
    conditions.push(`e.id < ${bind(firstAuditIdAt(to.getTime() + ID_TIME_TOLERANCE_MS))}`, `e.at < ${bind(to)}`);
  }
  return conditions;
}

function policyConditions({ visibleTenants, visibleProducts }: AuditFilter, bind: BindValue): string[] {
  const conditions: string[] = [];
  if (visibleTenants !== null) conditions.push(`e.tenant = ANY (${bind(visibleTenants)})`);
  if (visibleProducts !== null) conditions.push(`(e.product IS NULL OR e.product = ANY (${bind(visibleProducts)}))`);
  return conditions;
}
