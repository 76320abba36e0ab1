import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Renames tables, columns, indexes and constraints to the names used in code and documents. No row changes. */
export class PlainNames1764000800000 implements MigrationInterface {
  name = 'PlainNames1764000800000';

  async up(runner: QueryRunner): Promise<void> {
    for (const { kind, table, from, to } of RENAMES) await runner.query(rename(kind, table, from, to));
    await nameNotNullConstraints(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { kind, table, from, to } of [...RENAMES].reverse()) await runner.query(rename(kind, table, to, from));
    await nameNotNullConstraints(runner);
  }
}

/**
 * Postgres 18 names not-null constraints after table and column and keeps these names on rename. Older ones have none.
 */
async function nameNotNullConstraints(runner: QueryRunner): Promise<void> {
  const constraints = (await runner.query(`
    SELECT t.relname AS table, c.conname AS from, format('%s_%s_not_null', t.relname, a.attname) AS to
    FROM pg_constraint c
    JOIN pg_class t ON t.oid = c.conrelid
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'n' AND t.relnamespace = current_schema()::regnamespace
      AND c.conname <> format('%s_%s_not_null', t.relname, a.attname)`)) as Required<Omit<Rename, 'kind'>>[];
  for (const { table, from, to } of constraints) await runner.query(rename('constraint', table, from, to));
}

interface Rename {
  kind: 'table' | 'column' | 'index' | 'constraint';
  /** The table of a column or constraint, by its new name. */
  table?: string;
  from: string;
  to: string;
}

const RENAMES: readonly Rename[] = [
  { kind: 'table', from: 'delivery_lane', to: 'delivery_queue' },
  { kind: 'column', table: 'delivery_queue', from: 'lane', to: 'ordering_key' },
  { kind: 'column', table: 'delivery', from: 'lane', to: 'ordering_key' },
  { kind: 'index', from: 'delivery_lane_due', to: 'delivery_queue_due' },
  { kind: 'index', from: 'delivery_lane_order', to: 'delivery_ordering' },
  { kind: 'constraint', table: 'delivery_queue', from: 'delivery_lane_pkey', to: 'delivery_queue_pkey' },
  { kind: 'table', from: 'token_intake', to: 'pending_authorization' },
  { kind: 'index', from: 'token_intake_due', to: 'pending_authorization_due' },
  { kind: 'constraint', table: 'pending_authorization', from: 'token_intake_pkey', to: 'pending_authorization_pkey' },
  {
    kind: 'constraint',
    table: 'pending_authorization',
    from: 'token_intake_stage_check',
    to: 'pending_authorization_stage_check',
  },
  { kind: 'column', table: 'asset', from: 'doubted_at', to: 'verification_requested_at' },
  { kind: 'index', from: 'asset_doubted', to: 'asset_verification_requested' },
  { kind: 'table', from: 'meta_app_pace', to: 'app_rate_limit' },
  { kind: 'column', table: 'app_rate_limit', from: 'next_turn_at', to: 'next_probe_at' },
  { kind: 'constraint', table: 'app_rate_limit', from: 'meta_app_pace_pkey', to: 'app_rate_limit_pkey' },
  {
    kind: 'constraint',
    table: 'app_rate_limit',
    from: 'meta_app_pace_stop_cause_check',
    to: 'app_rate_limit_stop_cause_check',
  },
  {
    kind: 'constraint',
    table: 'app_rate_limit',
    from: 'meta_app_pace_breaker_check',
    to: 'app_rate_limit_breaker_check',
  },
  { kind: 'table', from: 'person_request', to: 'privacy_request' },
  { kind: 'index', from: 'person_request_open', to: 'privacy_request_open' },
  { kind: 'constraint', table: 'privacy_request', from: 'person_request_pkey', to: 'privacy_request_pkey' },
  { kind: 'constraint', table: 'privacy_request', from: 'person_request_kind_check', to: 'privacy_request_kind_check' },
  {
    kind: 'constraint',
    table: 'privacy_request',
    from: 'person_request_kind_payload_hash_key',
    to: 'privacy_request_kind_payload_hash_key',
  },
  {
    kind: 'constraint',
    table: 'privacy_request',
    from: 'person_request_confirmation_code_key',
    to: 'privacy_request_confirmation_code_key',
  },
  { kind: 'constraint', table: 'privacy_request', from: 'person_request_check', to: 'privacy_request_check' },
  { kind: 'constraint', table: 'privacy_request', from: 'person_request_check1', to: 'privacy_request_check1' },
  { kind: 'index', from: 'webhook_entry_person', to: 'webhook_entry_user' },
  { kind: 'column', table: 'audit_head', from: 'macs_from', to: 'macs_required_from' },
  { kind: 'column', table: 'audit_checkpoint', from: 'macs_from', to: 'macs_required_from' },
];

function rename(kind: Rename['kind'], table: string | undefined, from: string, to: string): string {
  switch (kind) {
    case 'table':
      return `ALTER TABLE ${from} RENAME TO ${to}`;
    case 'index':
      return `ALTER INDEX ${from} RENAME TO ${to}`;
    default:
      return `ALTER TABLE ${table} RENAME ${kind.toUpperCase()} ${from} TO ${to}`;
  }
}
