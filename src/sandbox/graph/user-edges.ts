import { oauthError } from '../http/graph-error.ts';
import { ok, success } from '../http/meta-response.ts';
import type { Grant, Principal } from '../state/records.ts';
import { requireScope } from '../tokens/graph-caller.ts';
import { requiresExpiry } from '../tokens/oauth-exchange.ts';
import type { TokenView } from '../tokens/token-issuer.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { listNodes } from './graph-edge.ts';
import { accountDefaults, adAccountView, businessView, pageView } from './node-views.ts';

/** Edges of users and system users: accounts, permissions, businesses, ad accounts (META.md 5, 10). */
export const userEdges: EdgeTable = {
  'GET user/accounts': (context) => {
    const { state, principal, view } = userAndToken(context);
    requireScope(view, 'pages_show_list');
    const roles = principal.pageRoles.filter(
      (role) => role.tasks.length > 0 && state.store.pages.get(role.pageId)?.deleted === false,
    );
    const targets = view.grant.targets?.pages_show_list;
    const shown = roles.filter((role) => targets === undefined || targets.includes(role.pageId));
    const pages = shown.flatMap((role) => {
      const page = state.store.pages.get(role.pageId);
      return page === undefined ? [] : [{ page, role }];
    });
    return listNodes(
      context,
      'accounts',
      pages,
      ({ page, role }) => pageView(state, page, view, role),
      accountDefaults,
    );
  },
  'GET user/assigned_pages': (context) => userEdges['GET user/accounts']?.(context) ?? success(),
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
    const businesses = principal.businessIds.flatMap((id) => state.store.businesses.get(id) ?? []);
    return listNodes(context, 'businesses', businesses, businessView);
  },
  'GET user/adaccounts': (context) => {
    const { state, principal, view } = userAndToken(context);
    requireScope(view, 'ads_read', 'ads_management');
    const accounts = principal.adAccountIds.flatMap((id) => state.store.adAccounts.get(id) ?? []);
    return listNodes(context, 'adaccounts', accounts, (account) => adAccountView(state, account));
  },
  'POST user/access_tokens': mintSystemUserToken,
  'DELETE user/access_tokens': ({ state, caller, node }) => {
    state.invalidateUser(node.id, 467, caller.app.id);
    return success();
  },
  'POST user/applications': () => success(),
};

/** The caller as the user whose edge is read; an app token can't see these. */
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

/** `POST /{system-user}/access_tokens` (META.md 6): the proof is compulsory here, whatever the app's switch says. */
function mintSystemUserToken({ state, call, caller, node }: EdgeContext): ReturnType<typeof ok> {
  if (node.type !== 'user' || node.record.kind !== 'system_user')
    throw oauthError(100, '(#100) The object is not a system user');
  if (!call.params.has('appsecret_proof'))
    throw oauthError(100, 'API calls from the server require an appsecret_proof argument', {
      type: 'GraphMethodException',
    });
  const sixty = call.params.get('set_token_expires_in_60_days') === 'true';
  if (!sixty && requiresExpiry(state, node.record)) {
    throw oauthError(100, '(#100) The parameter set_token_expires_in_60_days must be true for this business');
  }
  const scopes = (call.params.get('scope') ?? '').split(',').filter((scope) => scope !== '');
  const made = state.make.token({
    userId: node.id,
    appId: call.params.get('business_app') ?? caller.app.id,
    scopes,
    expiresIn: sixty ? 5_184_000 : null,
  });
  return ok({ access_token: made.accessToken });
}
