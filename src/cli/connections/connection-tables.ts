import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { formatTable } from '../command-context.ts';

/** Connections as a table. */
export function formatConnections(views: readonly ConnectionResponse[]): string {
  const rows = views.map((view) => [view.id, view.tenant, view.product, view.status, view.meta_user_id, view.app_id]);
  return formatTable([['ID', 'TENANT', 'PRODUCT', 'STATUS', 'META USER', 'APP'], ...rows]);
}

/** One connection with its credentials and assets, as tables. */
export function formatConnectionDetails(view: ConnectionResponse): string {
  const facts = [
    ['id', view.id],
    ['tenant', view.tenant],
    ['product', view.product],
    ['reference', view.reference ?? ''],
    ['flow', view.flow],
    ['status', view.status + (view.status_reason === null ? '' : ` (${view.status_reason.code})`)],
    ['Meta user', view.meta_user_id],
    ['app', view.app_id],
    ['scopes', view.scopes.join(' ')],
    ['declined', view.declined_scopes.join(' ')],
    ['data access until', view.data_access_expires_at ?? ''],
    ['connected', view.created_at],
    ['revoked', view.revoked_at ?? ''],
    ...Object.entries(view.metadata).map(([key, value]) => [`metadata ${key}`, value]),
    ['at Meta', view.provider_revocation ?? ''],
    ['remedy', view.status_reason?.remedy ?? ''],
  ].filter(([, value]) => value !== '');
  const credentials = view.credentials.map((each) => [
    each.id,
    each.kind,
    each.subject_id,
    `v${each.version}`,
    each.health,
    each.expires_at ?? 'never or unknown',
    each.failure === null ? '' : `${each.failure.code} (${each.failure.attempts} attempts)`,
  ]);
  const assets = view.assets.map((each) => [
    each.type,
    each.id,
    each.name ?? '',
    each.credential_id ?? 'none: no task on the Page',
  ]);
  return [
    formatTable(facts.map(([name = '', value = '']) => [name, value])),
    formatTable([['CREDENTIAL', 'KIND', 'OF', 'VERSION', 'HEALTH', 'EXPIRES', 'FAILURE'], ...credentials]),
    formatMore(view.credentials_count - credentials.length, 'credentials'),
    formatTable([['ASSET', 'ID', 'NAME', 'CREDENTIAL'], ...assets]),
    formatMore(view.assets_count - assets.length, 'assets'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Empty if nothing is left out. */
function formatMore(count: number, what: 'credentials' | 'assets'): string {
  return count > 0 ? `${count} more: GET /v1/connections/{id}/${what}` : '';
}
