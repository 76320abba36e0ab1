import type { Principal } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { DialogRequest } from './dialog-request.ts';

type Targets = Record<string, string[]>;

/**
 * Returns the `target_ids` that a user's grant gives each scope; no ids means all objects. A second login keeps the
 * earlier choice unless `auth_type=rerequest` is set, so new Pages do not appear
 * (docs/meta-facts.md#pages-of-a-portfolio).
 */
export function targetsFor(
  state: SandboxState,
  request: DialogRequest,
  user: Principal,
  scopes: string[],
  picked: Targets | undefined,
): Targets {
  if (picked !== undefined) return picked;
  if (state.store.settings.granularScopes === 'all') return {};
  const before = user.grants[request.app.id];
  const kept = before?.active === true && !request.rerequest ? (before.targets ?? {}) : {};
  return Object.fromEntries(
    scopes.flatMap((scope) => {
      const ids = kept[scope] ?? objectsOf(state, user, scope);
      return ids === null ? [] : [[scope, ids]];
    }),
  );
}

/** Returns the objects that a user can choose for a scope; null for scopes without objects. */
function objectsOf(state: SandboxState, user: Principal, scope: string): string[] | null {
  const { store } = state;
  const pages = user.pageRoles.flatMap(({ pageId }) => store.pages.get(pageId) ?? []).filter((page) => !page.deleted);
  if (scope.startsWith('pages_') || scope === 'read_insights') return pages.map((page) => page.id);
  if (scope.startsWith('instagram_')) return pages.flatMap((page) => page.instagramId ?? []);
  if (scope.startsWith('ads_')) {
    const owned = [...store.adAccounts.values()].filter(({ businessId }) =>
      user.businessIds.includes(businessId ?? ''),
    );
    const direct = user.adAccountIds.flatMap((id) => store.adAccounts.get(id) ?? []);
    return [...new Set([...direct, ...owned].map((account) => account.accountId))];
  }
  if (scope === 'business_management') return [...user.businessIds];
  if (scope.startsWith('whatsapp_')) return user.businessIds.flatMap((id) => store.wabasOf(id).map((waba) => waba.id));
  return null;
}
