import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { Grant, PageRole, Principal } from '../state/records.ts';
import { requireScope } from '../tokens/graph-caller.ts';
import type { TokenView } from '../tokens/token-issuer.ts';
import { businessesOf, isInTargets } from './access.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { listNodes } from './graph-edge.ts';
import { accountDefaults, adAccountView, businessView, pageView, wabaView } from './node-views.ts';

/** Edges of users and system users: Pages, permissions, portfolios, ad accounts. */
export const userEdges: EdgeTable = {
  'GET user/accounts': (context) => pages(context, 'accounts', (role) => role.throughBusiness !== true),
  'GET user/assigned_pages': (context) =>
    pages(context, 'assigned_pages', (role) => role.throughBusiness !== true || isSystemUser(context)),
  'GET user/assigned_ad_accounts': (context) => adAccounts(context, 'assigned_ad_accounts'),
  'GET user/assigned_whatsapp_business_accounts': (context) => {
    const { state, principal, view } = userAndToken(context);
    if (!isSystemUser(context))
      throw oauthError(
        100,
        '(#100) Tried accessing nonexisting field (assigned_whatsapp_business_accounts) on node type (User)',
      );
    requireScope(view, 'whatsapp_business_management', 'business_management');
    const wabas =
      principal.wabaIds?.flatMap((id) => state.store.wabas.get(id) ?? []) ??
      state.store.wabasOf(principal.businessId ?? '');
    return listNodes(context, 'assigned_whatsapp_business_accounts', wabas, (waba) => wabaView(state, waba));
  },
  'GET user/permissions': (context) => {
    const grant = grantOf(context);
    return ok({
      data: [
        ...grant.scopes.map((permission) => ({ permission, status: 'granted' })),
        ...grant.declined
          .filter((permission) => !grant.scopes.includes(permission))
          .map((permission) => ({ permission, status: 'declined' })),
      ],
    });
  },
  'DELETE user/permissions': (context) => {
    const { state, caller, node, call, rest } = context;
    const permission = rest[0] ?? call.params.get('permission');
    const grant = grantOf(context);
    if (permission === undefined) {
      state.revokeGrant(node.id, caller.app.id);
      return success();
    }
    if (!grant.scopes.includes(permission)) throw oauthError(100, `(#100) Permission not granted: ${permission}`);
    state.removeScope(node.id, permission, caller.app.id);
    return success();
  },
  'GET user/businesses': (context) => {
    const { state, principal, view } = userAndToken(context);
    requireScope(view, 'business_management');
    const businesses = businessesOf(state, principal).filter(({ id }) => isInTargets(view, 'business_management', id));
    return listNodes(context, 'businesses', businesses, businessView);
  },
  'GET user/adaccounts': (context) => adAccounts(context, 'adaccounts'),
};

function isSystemUser({ node }: EdgeContext): boolean {
  return node.type === 'user' && node.record.kind === 'system_user';
}

/** Lists Pages on which the user has a task and that the token's scope covers. */
function pages(context: EdgeContext, edge: string, isListed: (role: PageRole) => boolean): MetaResponse {
  const { state, principal, view } = userAndToken(context);
  requireScope(view, 'pages_show_list');
  const found = principal.pageRoles.flatMap((role) => {
    const page = state.store.pages.get(role.pageId);
    const isShown = role.tasks.length > 0 && isListed(role) && isInTargets(view, 'pages_show_list', role.pageId);
    return isShown && page?.deleted === false ? [{ page, role }] : [];
  });
  return listNodes(context, edge, found, ({ page, role }) => pageView(state, page, view, role), accountDefaults);
}

function adAccounts(context: EdgeContext, edge: string): MetaResponse {
  const { state, principal, view } = userAndToken(context);
  requireScope(view, 'ads_read', 'ads_management');
  const accounts = principal.adAccountIds.flatMap((id) => state.store.adAccounts.get(id) ?? []);
  return listNodes(context, edge, accounts, (account) => adAccountView(state, account));
}

/** Returns the user whose edge is read, and the caller's token. App tokens are refused. */
function userAndToken(context: EdgeContext): {
  state: EdgeContext['state'];
  principal: Principal;
  view: TokenView;
} {
  const { caller, node, state } = context;
  if (caller.kind === 'app' || node.type !== 'user')
    throw oauthError(102, 'A user access token is required to request this resource.');
  return { state, principal: node.record, view: caller.view };
}

function grantOf(context: EdgeContext): Grant {
  const { node, caller } = context;
  const grant = node.type === 'user' ? node.record.grants[caller.app.id] : undefined;
  if (grant === undefined || !grant.active) {
    throw oauthError(190, `Error validating access token: The user has not authorized application ${caller.app.id}.`, {
      subcode: 458,
    });
  }
  return grant;
}
