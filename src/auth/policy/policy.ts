import type { Product } from '../../config/config.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import type { Caller } from '../authenticated-client.ts';

export const notAllowed = defineProblem(
  'not_allowed',
  403,
  'Your policy does not cover this tenant or product.',
  'Ask an admin for a client whose policy names this tenant and product.',
);

/** A proven client asked for what its policy does not give. `PolicyRefusalFilter` tells the audit record of it. */
export class PolicyRefusal extends AppError {}

/** Whether the policy of `caller` covers a tenant and a product. */
export function covers(caller: Caller, tenant: string, product: string): boolean {
  return (
    (caller.tenants.includes('*') || caller.tenants.includes(tenant)) &&
    (caller.products.includes('*') || caller.products.includes(product as Product))
  );
}

/** For requests that name a tenant or product themselves: 403 `not_allowed` outside of the policy. */
export function requireCovered(caller: Caller, tenant: string | undefined, product: string | undefined): void {
  const allowed =
    (tenant === undefined || covers(caller, tenant, product ?? caller.products[0] ?? '')) &&
    (product === undefined || covers(caller, tenant ?? caller.tenants[0] ?? '', product));
  if (!allowed) throw new PolicyRefusal(notAllowed);
}

/** The tenants a list may show: null is all. For SQL: `($1::text[] IS NULL OR tenant = ANY ($1))`. */
export function visibleTenants(caller: Caller): readonly string[] | null {
  return caller.tenants.includes('*') ? null : caller.tenants;
}

/** The products a list may show: null is all. */
export function visibleProducts(caller: Caller): readonly string[] | null {
  return caller.products.includes('*') ? null : caller.products;
}
