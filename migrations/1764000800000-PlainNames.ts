import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables, columns, indexes and constraints get the names that the code and the documents use. No row changes. */
export class PlainNames1764000800000 implements MigrationInterface {
  name = 'PlainNames1764000800000';

  async up(runner: QueryRunner): Promise<void> {
    for (const { kind, table, from, to } of RENAMES) await runner.query(rename(kind, table, from, to));
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { kind, table, from, to } of [...RENAMES].reverse()) await runner.query(rename(kind, table, to, from));
  }
}

interface Rename {
  kind: 'table' | 'column' | 'index' | 'constraint';
  /** Of a column or constraint: its table, by its new name. */
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
