import type { Product } from '../../config/config.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import type { AuthenticatedClient } from '../authenticated-client.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    not_allowed: true;
  }
}

export const notAllowed = defineProblem(
  'not_allowed',
  403,
  'Your policy does not cover this tenant or product.',
  'Ask an admin to add this tenant and product to the policy.',
);

/** The client's policy doesn't allow the request. Reported by `PolicyViolationFilter`. */
export class PolicyViolationError extends AppError {}

export function isCoveredByPolicy(client: AuthenticatedClient, tenant: string, product: string): boolean {
  return (
    (client.tenants.includes('*') || client.tenants.includes(tenant)) &&
    (client.products.includes('*') || client.products.includes(product as Product))
  );
}

/** Throws 403 `not_allowed` if the policy doesn't cover the tenant or product of a request. Undefined: not named. */
export function requireCoveredByPolicy(
  client: AuthenticatedClient,
  tenant: string | undefined,
  product: string | undefined,
): void {
  const allowed =
    (tenant === undefined || isCoveredByPolicy(client, tenant, product ?? client.products[0] ?? '')) &&
    (product === undefined || isCoveredByPolicy(client, tenant ?? client.tenants[0] ?? '', product));
  if (!allowed) throw new PolicyViolationError(notAllowed);
}

/** Returns the tenants a list may show; null means all. In SQL: `(tenants IS NULL OR tenant = ANY (tenants))`. */
export function visibleTenants(client: AuthenticatedClient): readonly string[] | null {
  return client.tenants.includes('*') ? null : client.tenants;
}

/** Returns the products a list may show; null means all. */
export function visibleProducts(client: AuthenticatedClient): readonly string[] | null {
  return client.products.includes('*') ? null : client.products;
}
