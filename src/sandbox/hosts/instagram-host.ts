import { parseFields, showNode } from '../graph/field-selection.ts';
import { type EdgeContext, listNodes } from '../graph/graph-edge.ts';
import { postView } from '../graph/node-views.ts';
import { container, postsOf, publish } from '../graph/page-edges.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok } from '../http/meta-response.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { checkProof } from '../tokens/graph-caller.ts';
import {
  CodeExchangeError,
  exchangeLoginCode,
  exchangeLoginToken,
  instagramLogin,
  jsonWithRawId,
  refreshLoginToken,
  requireValidToken,
} from '../tokens/login-tokens.ts';
import type { TokenView } from '../tokens/token-issuer.ts';
import { accountContext, missingLoginObject, showOwnPost, unknownEdge } from './login-account.ts';

/** `POST api.instagram.com/oauth/access_token` in its known shapes (docs/meta-facts.md#instagram-login). */
export function handleInstagramApi(state: SandboxState, call: GraphCall): MetaResponse {
  if (call.path.join('/') !== 'oauth/access_token' || call.method !== 'POST')
    return { status: 404, text: 'NOT FOUND', contentType: 'text/plain' };
  try {
    return exchangeCodeResponse(state, call);
  } catch (error) {
    if (!(error instanceof CodeExchangeError)) throw error;
    return { status: 400, json: { error_type: 'OAuthException', code: 400, error_message: error.message } };
  }
}

function exchangeCodeResponse(state: SandboxState, call: GraphCall): MetaResponse {
  const { token, principal, app } = exchangeLoginCode(state, call, instagramLogin);
  const { instagramExchangeShape, instagramUserId, instagramPermissions, escapeBodies } = state.store.settings;
  const userId = principal.accountId ?? principal.id;
  const scopes = principal.grants[app.id]?.scopes ?? [];
  const body: Record<string, unknown> = { access_token: token, user_id: userId };
  if (instagramPermissions !== 'missing')
    body.permissions = instagramPermissions === 'array' ? scopes : scopes.join(',');
  const text = jsonWithRawId(body, 'user_id', userId, instagramUserId === 'number', escapeBodies);
  return { status: 200, text: instagramExchangeShape === 'data' ? `{"data":[${text}]}` : text };
}

/** graph.instagram.com: exchange, refresh, `/me` and the account's edges (docs/meta-facts.md#instagram-login). */
export function handleInstagramGraph(state: SandboxState, call: GraphCall): MetaResponse {
  const [first, edge] = call.path;
  if (first === 'access_token') return exchangeLoginToken(state, call, instagramLogin);
  if (first === 'refresh_access_token') return refreshLoginToken(state, call, instagramLogin);
  const view = requireValidToken(state, call, instagramLogin);
  if (call.token !== null) checkProof(state, call, view.app, call.token);
  const own = [view.principal.id, view.principal.accountId];
  if (first === undefined) throw oauthError(100, 'No node specified', { type: 'IGApiException' });
  const context = accountContext(state, call, view);
  if (first !== 'me' && !own.includes(first)) return showOwnPost(context, instagramLogin, first);
  if (edge !== undefined) return handleEdge(context, edge);
  if (call.method !== 'GET') throw missingLoginObject(call, instagramLogin, first);
  return ok(showNode(accountView(view), parseFields(call.params.get('fields'))));
}

/** `id` is app-scoped, `user_id` is the 1784… id of webhooks (docs/meta-facts.md#instagram-login). */
function accountView(view: TokenView): Parameters<typeof showNode>[0] {
  const { principal } = view;
  return {
    type: 'IGUser',
    id: principal.id,
    defaults: ['id'],
    fields: {
      user_id: principal.accountId,
      username: principal.username,
      name: principal.name,
      account_type: 'BUSINESS',
      followers_count: 0,
      follows_count: 0,
      media_count: 0,
      profile_picture_url: undefined,
    },
  };
}

function handleEdge(context: EdgeContext, edge: string): MetaResponse {
  const { call } = context;
  switch (`${call.method} ${edge}`) {
    case 'GET media':
      return listNodes(context, 'media', postsOf(context), postView);
    case 'POST media':
      return container(context, 'instagram_business_content_publish');
    case 'POST media_publish':
      return publish(context);
    case 'POST subscribed_apps':
    case 'DELETE subscribed_apps':
      return ok({ success: true });
    case 'GET subscribed_apps':
      return ok({ data: [] });
    default:
      throw unknownEdge(call, instagramLogin);
  }
}
