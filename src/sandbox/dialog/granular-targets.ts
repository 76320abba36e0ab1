import type { Principal } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { DialogRequest } from './dialog-request.ts';

type Targets = Record<string, string[]>;

/**
 * What a person's grant names for each scope (`target_ids`); an empty object leaves the scopes open for all objects.
 * A second login skips the choice unless the dialog is asked with `auth_type=rerequest`, so new Pages don't come by themselves.
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

/** The objects that a person can pick for a scope; null for scopes without objects. */
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
