import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok } from '../http/meta-response.ts';
import type { AdAccount, BusinessRecord, PageRecord, WabaRecord } from '../state/records.ts';
import type { TokenView } from '../tokens/token-issuer.ts';
import { isInTargets } from './access.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { listNodes } from './graph-edge.ts';
import { accountDefaults, adAccountView, pageView, principalView, wabaView } from './node-views.ts';
import { requireUserScope } from './whatsapp-edges.ts';

/** Edges of portfolios: owned and client assets, and system users. */
export const businessEdges: EdgeTable = {
  'GET business/owned_pages': (context) =>
    pages(context, 'owned_pages', (page, business) => page.businessId === business.id),
  'GET business/client_pages': (context) =>
    pages(context, 'client_pages', (page, business) => business.clientPageIds?.includes(page.id) === true),
  'GET business/owned_ad_accounts': (context) =>
    adAccounts(context, 'owned_ad_accounts', (account, business) => account.businessId === business.id),
  'GET business/client_ad_accounts': (context) =>
    adAccounts(
      context,
      'client_ad_accounts',
      (account, business) => business.clientAdAccountIds?.includes(account.id) === true,
    ),
  'GET business/owned_whatsapp_business_accounts': (context) =>
    wabas(context, 'owned_whatsapp_business_accounts', (waba, business) => waba.businessId === business.id),
  'GET business/client_whatsapp_business_accounts': (context) =>
    wabas(
      context,
      'client_whatsapp_business_accounts',
      (waba, business) => business.clientWabaIds?.includes(waba.id) === true,
    ),
  'GET business/system_users': (context) => {
    const users = [...context.state.store.principals.values()].filter(
      (one) => one.kind === 'system_user' && one.businessId === context.node.id,
    );
    return listNodes(
      context,
      'system_users',
      users,
      (user) => principalView(user, null),
      ['id', 'name', 'role'].map((name) => ({ name, args: {}, fields: null })),
    );
  },
  'POST business/system_users': ({ state, call, node }) => {
    const name = call.params.get('name');
    if (name === undefined) throw oauthError(100, '(#100) The parameter name is required');
    return ok({
      id: state.make.user({
        kind: 'system_user',
        name,
        role: call.params.get('role') ?? 'EMPLOYEE',
        businessId: node.id,
      }).id,
    });
  },
};

type Belongs<T> = (item: T, business: BusinessRecord) => boolean;

/** Returns the portfolio of a list call, which needs `business_management` for it. */
function portfolioOf(context: EdgeContext): { business: BusinessRecord; view: TokenView } {
  const { caller, node } = context;
  if (caller.kind === 'app' || node.type !== 'business')
    throw oauthError(100, '(#100) A user access token is required');
  requireUserScope(context, 'business_management');
  if (!isInTargets(caller.view, 'business_management', node.id))
    throw oauthError(200, '(#200) Requires business_management permission to manage the object', { status: 403 });
  return { business: node.record, view: caller.view };
}

/** Lists Pages, with `access_token` and `tasks` where the user has a task. */
function pages(context: EdgeContext, edge: string, belongs: Belongs<PageRecord>): MetaResponse {
  const { business, view } = portfolioOf(context);
  const { state } = context;
  const roles = new Map(view.principal.pageRoles.map((role) => [role.pageId, role]));
  const found = [...state.store.pages.values()].filter((page) => !page.deleted && belongs(page, business));
  return listNodes(context, edge, found, (page) => pageView(state, page, view, roles.get(page.id)), accountDefaults);
}

function adAccounts(context: EdgeContext, edge: string, belongs: Belongs<AdAccount>): MetaResponse {
  const { business } = portfolioOf(context);
  const { state } = context;
  const found = [...state.store.adAccounts.values()].filter((account) => belongs(account, business));
  return listNodes(context, edge, found, (account) => adAccountView(state, account));
}

function wabas(context: EdgeContext, edge: string, belongs: Belongs<WabaRecord>): MetaResponse {
  requireUserScope(context, 'whatsapp_business_management', 'business_management');
  const { state, node } = context;
  if (node.type !== 'business') throw oauthError(100, '(#100) Not a business');
  const { record } = node;
  const found = [...state.store.wabas.values()].filter((waba) => belongs(waba, record));
  return listNodes(context, edge, found, (waba) => wabaView(state, waba));
}
