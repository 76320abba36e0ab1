import type { Actor } from '../../audit/actor.ts';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import type { Product } from '../../config/config.ts';

/** The subscriptions that a client may see: those limited to these tenants and products. Null: all subscriptions. */
export interface SubscriptionScope {
  tenants: readonly string[] | null;
  products: readonly Product[] | null;
}

/** Who requests a change, for the audit entry. */
export interface Requester {
  actor: Actor;
  requestId: string | null;
  scope: SubscriptionScope;
}

/** What a client may see and change. */
export function scopeOf(client: AuthenticatedClient): SubscriptionScope {
  return { tenants: visibleTenants(client), products: visibleProducts(client) as readonly Product[] | null };
}

/** A client as the services' requester. */
export function requesterOf(client: AuthenticatedClient, requestId: string): Requester {
  return { actor: toActor(client), requestId, scope: scopeOf(client) };
}
