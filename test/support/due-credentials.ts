import type { Database } from '../../src/database/database.ts';

/** In the order of no index, so that reading by an index costs as much as in a table in use. */
const EACH = `generate_series(1, $2::integer) n,
  LATERAL (SELECT $3::timestamptz - ($2::integer - n + 1) * interval '1 second' AS due_at) due
  ORDER BY md5(n::text)`;

interface DueCredentials {
  tenant: string;
  count: number;
  now: Date;
  /** What differs, in SQL; `n` counts from 1, `due_at` is when the credential is due. */
  columns?: Readonly<Record<string, string>>;
}

/**
 * Connections of a tenant with a credential each, without a token, that were due one second after the other until
 * `now`.
 */
export async function seedDueCredentials(
  database: Database,
  { tenant, count, now, columns = {} }: DueCredentials,
): Promise<void> {
  await database.longRunning.run({
    text: `INSERT INTO connection (id, tenant, product, flow, status, app_id, meta_user_id, scopes, declined_scopes, graph_api_version,
        authorized_at, created_at, updated_at, next_discovery_at)
      SELECT 'con_' || $1 || n, ${columns['tenant'] ?? '$1'}, 'pages', 'import', 'active', 'app', $1 || n, '{}', '{}', 'v26.0', $3, $3, $3, due_at
      FROM ${EACH}`,
    values: [tenant, count, now],
  });
  const set = {
    tenant: '$1',
    expires_at: `due_at + interval '12 hours'`,
    health: `'healthy'`,
    failure_attempts: '0',
    rotation_due_at: 'NULL',
    refresh_after: 'due_at',
    refresh_due_at: 'due_at',
    ...columns,
  };
  await database.longRunning.run({
    text: `INSERT INTO credential (id, connection_id, app_id, kind, is_root, subject_id, version, scopes, check_due_at, created_at, updated_at, ${Object.keys(set).join(', ')})
      SELECT 'crd_' || $1 || n, 'con_' || $1 || n, 'app', 'user', true, $1 || n, 1, '{}', due_at, $3, $3, ${Object.values(set).join(', ')}
      FROM ${EACH}`,
    values: [tenant, count, now],
  });
  await database.longRunning.run({ text: 'ANALYZE credential, connection' });
}
