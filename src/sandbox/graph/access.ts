import type { BusinessRecord, PageRecord, Principal, WabaRecord } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { GraphCaller } from '../tokens/graph-caller.ts';
import type { TokenView } from '../tokens/token-issuer.ts';
import type { GraphNode } from './node-type.ts';

/** Whether the caller can access the object directly, through its Pages, or through its portfolios. */
export function canAccess(state: SandboxState, caller: GraphCaller, node: GraphNode): boolean {
  if (caller.kind === 'app')
    return node.type === 'user'
      ? node.record.grants[caller.app.id] !== undefined
      : node.type === 'app'
        ? node.id === caller.app.id
        : node.type === 'page';
  const { view } = caller;
  const { principal } = view;
  switch (node.type) {
    case 'user':
      return (
        node.id === principal.id ||
        (node.record.businessId !== undefined && reachesBusiness(principal, node.record.businessId))
      );
    case 'page':
      return reachesPage(state, view, node.record);
    case 'instagram':
      return reachesInstagram(state, view, node.id);
    case 'business':
      return reachesBusiness(principal, node.id);
    case 'waba':
      return reachesWaba(state, view, node.record);
    case 'phone': {
      const waba = state.store.wabas.get(node.record.wabaId);
      return waba !== undefined && reachesWaba(state, view, waba);
    }
    case 'adaccount':
      return reachesAdAccount(state, principal, node.id);
    case 'report':
      return reachesAdAccount(state, principal, node.record.accountId);
    case 'post': {
      const page = state.store.pages.get(node.record.ownerId);
      return page === undefined ? reachesInstagram(state, view, node.record.ownerId) : reachesPage(state, view, page);
    }
    case 'app':
      return node.id === caller.app.id;
  }
}

/** Returns the portfolios of a user; a system user has one. */
export function businessesOf(state: SandboxState, { businessIds, businessId }: Principal): BusinessRecord[] {
  const ids = businessId === undefined ? businessIds : [...new Set([...businessIds, businessId])];
  return ids.flatMap((id) => state.store.businesses.get(id) ?? []);
}

function reachesBusiness(principal: Principal, businessId: string): boolean {
  return principal.businessIds.includes(businessId) || principal.businessId === businessId;
}

/** Through a role, or through a portfolio that owns the Page or has it as a client. */
function reachesPage(state: SandboxState, { claims, principal }: TokenView, page: PageRecord): boolean {
  if (claims.kind === 'page') return claims.pageId === page.id;
  if (principal.pageRoles.some((role) => role.pageId === page.id)) return true;
  if (typeof page.businessId === 'string' && reachesBusiness(principal, page.businessId)) return true;
  return businessesOf(state, principal).some((one) => one.clientPageIds?.includes(page.id) === true);
}

function reachesInstagram(state: SandboxState, view: TokenView, accountId: string): boolean {
  const pages = [...state.store.pages.values()].filter((page) => page.instagramId === accountId);
  return pages.some((page) => reachesPage(state, view, page));
}

function reachesWaba(state: SandboxState, view: TokenView, waba: WabaRecord): boolean {
  const { principal } = view;
  const isReached =
    reachesBusiness(principal, waba.businessId) ||
    principal.wabaIds?.includes(waba.id) === true ||
    businessesOf(state, principal).some((one) => one.clientWabaIds?.includes(waba.id) === true);
  return isReached && isInTargets(view, 'whatsapp_business_management', waba.id);
}

function reachesAdAccount(state: SandboxState, principal: Principal, id: string): boolean {
  if (principal.adAccountIds.includes(id)) return true;
  const owner = state.store.adAccounts.get(id)?.businessId ?? null;
  if (owner !== null && reachesBusiness(principal, owner)) return true;
  return businessesOf(state, principal).some((one) => one.clientAdAccountIds?.includes(id) === true);
}

/** Granular scopes without target ids cover all objects (docs/meta-facts.md#pages-of-a-portfolio). */
export function isInTargets({ grant }: TokenView, scope: string, id: string): boolean {
  const targets = grant.targets?.[scope];
  return targets === undefined || targets.includes(id);
}
