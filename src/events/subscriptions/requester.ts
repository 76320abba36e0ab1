import type { Actor } from '../../audit/actor.ts';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../../auth/policy/policy.ts';
import type { Product } from '../../config/config.ts';

/** Subscriptions a client may see: those limited to these tenants and products. Null: all. */
export interface SubscriptionScope {
  tenants: readonly string[] | null;
  products: readonly Product[] | null;
}

/** Who requests a change (for the audit entry), and what they may see. */
export interface Requester {
  actor: Actor;
  requestId: string | null;
  scope: SubscriptionScope;
}

/** What a client may see and change. */
export function scopeOf(client: AuthenticatedClient): SubscriptionScope {
  return { tenants: visibleTenants(client), products: visibleProducts(client) as readonly Product[] | null };
}

export function requesterOf(client: AuthenticatedClient, requestId: string): Requester {
  return { actor: toActor(client), requestId, scope: scopeOf(client) };
}
