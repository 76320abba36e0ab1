import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { Database } from '../../database/database.ts';
import { defineStatement } from '../../database/statement.ts';
import type { CredentialKind, Health } from './credential-kind.ts';

export interface CredentialCounts {
  byKindAndHealth: { kind: CredentialKind; health: Health; count: number }[];
  /** Among root tokens scheduled for refresh. */
  nextExpiryAt: Date | null;
  oldestRefreshDueAt: Date | null;
  oldestCheckDueAt: Date | null;
}

interface CountRow {
  kind: CredentialKind;
  health: Health;
  count: string;
  expires_at: Date | null;
  refresh_due_at: Date | null;
  check_due_at: Date | null;
}

const countCredentials = defineStatement<Record<never, never>, CountRow>(
  'credential_counts',
  () => sql`SELECT kind, health, count(*) AS count, min(expires_at) FILTER (WHERE is_root AND refresh_due_at IS NOT NULL) AS expires_at,
      min(refresh_due_at) AS refresh_due_at, min(check_due_at) AS check_due_at
    FROM credential WHERE secret_id IS NOT NULL GROUP BY kind, health`,
);

/** Counts credentials across tenants, for metrics. Scans the whole table: cache the result. */
@Injectable()
export class CredentialStatistics {
  constructor(private readonly database: Database) {}

  async take(): Promise<CredentialCounts> {
    const rows = await this.database.rows(countCredentials({}));
    return {
      byKindAndHealth: rows.map(({ kind, health, count }) => ({ kind, health, count: Number(count) })),
      nextExpiryAt: earliest(rows.map((row) => row.expires_at)),
      oldestRefreshDueAt: earliest(rows.map((row) => row.refresh_due_at)),
      oldestCheckDueAt: earliest(rows.map((row) => row.check_due_at)),
    };
  }
}

function earliest(instants: (Date | null)[]): Date | null {
  const known = instants.filter((instant) => instant !== null).map((instant) => instant.getTime());
  return known.length === 0 ? null : new Date(Math.min(...known));
}
