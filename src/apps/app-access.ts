import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { notAllowed, PolicyViolationError, visibleTenants } from '../auth/policy/policy.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { AppError } from '../platform/problem.ts';
import { hasConnectionsOfOthers } from './app-connections.query.ts';
import { appNotFound } from './app-problems.ts';
import { type AppRow, idsOf } from './app-row.ts';

/** The tenants whose apps a client may see and, if its role allows it, change; null means all apps. */
export function tenantsOfApps(client: AuthenticatedClient): readonly string[] | null {
  return client.role === 'admin' ? null : visibleTenants(client);
}

/** Whether an app serves only these tenants. An app that also serves others, or all, is not theirs. */
export function servesOnly({ tenants }: Pick<AppRow, 'tenants'>, allowed: readonly string[] | null): boolean {
  return allowed === null || tenants.every((tenant) => allowed.includes(tenant));
}

/** Throws 403 `not_allowed` if the app would serve tenants other than these. */
export function requireServesOnly(app: Pick<AppRow, 'tenants'>, allowed: readonly string[] | null): void {
  if (servesOnly(app, allowed)) return;
  throw new PolicyViolationError(notAllowed, {
    detail: 'Your policy does not cover every tenant that the app would serve.',
    remedy: 'Name tenants of your policy only, or ask an admin.',
  });
}

/**
 * Throws 404 `app_not_found` if the app serves tenants other than these, 403 `not_allowed` if other tenants, which it
 * once served, still have connections under it.
 */
export async function requireOwnApp(
  executor: SqlExecutor,
  app: AppRow,
  allowed: readonly string[] | null,
): Promise<void> {
  if (allowed === null) return;
  if (!servesOnly(app, allowed)) throw new AppError(appNotFound);
  if (!(await hasConnectionsOfOthers(executor, idsOf(app), allowed))) return;
  throw new PolicyViolationError(notAllowed, {
    detail: 'Connections of other tenants use this app.',
    remedy: 'Ask an admin to change it.',
  });
}

/** The one tenant that an app serves, as its audit entries and events name it. Null: several, or all. */
export function onlyTenant({ tenants }: Pick<AppRow, 'tenants'>): string | null {
  const [only = null] = tenants.length === 1 ? tenants : [];
  return only === '*' ? null : only;
}
