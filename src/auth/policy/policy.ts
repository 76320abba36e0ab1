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
  'Ask an admin for a client whose policy names this tenant and product.',
);

/** An authenticated client asked for what its policy does not allow. `PolicyViolationFilter` reports it. */
export class PolicyViolationError extends AppError {}

/** Whether a client's policy covers a tenant and a product. */
export function isCoveredByPolicy(client: AuthenticatedClient, tenant: string, product: string): boolean {
  return (
    (client.tenants.includes('*') || client.tenants.includes(tenant)) &&
    (client.products.includes('*') || client.products.includes(product as Product))
  );
}

/** For requests that name a tenant or product: throws 403 `not_allowed` outside of the policy. */
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

/** The tenants that a list may show; null means all. For SQL: `(tenants IS NULL OR tenant = ANY (tenants))`. */
export function visibleTenants(client: AuthenticatedClient): readonly string[] | null {
  return client.tenants.includes('*') ? null : client.tenants;
}

/** The products that a list may show; null means all. */
export function visibleProducts(client: AuthenticatedClient): readonly string[] | null {
  return client.products.includes('*') ? null : client.products;
}
