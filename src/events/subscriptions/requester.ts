import { toActor } from '../../audit/actor.ts';
import type { Actor } from '../../audit/audit-log.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import type { Product } from '../../config/config.ts';

/** What a client may see: subscriptions that name tenants and products, all of them within these. Null: everything. */
export interface SubscriptionScope {
  tenants: readonly string[] | null;
  products: readonly Product[] | null;
}

/** Who asks for a change, for the audit entry. */
export interface Requester {
  actor: Actor;
  requestId: string | null;
  scope: SubscriptionScope;
}

/** What a client may see and change. */
export function scopeOf(client: AuthenticatedClient): SubscriptionScope {
  return { tenants: visibleTenants(client), products: visibleProducts(client) as readonly Product[] | null };
}

/** A client as the services take it. */
export function requesterOf(client: AuthenticatedClient, requestId: string): Requester {
  return { actor: toActor(client), requestId, scope: scopeOf(client) };
}
