import { parseFields, showNode } from '../graph/field-selection.ts';
import { postView } from '../graph/node-views.ts';
import { advanceContainer, container, publish } from '../graph/page-edges.ts';
import { pageOf } from '../graph/paging.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { missingObject, oauthError } from '../http/graph-error.ts';
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

/** `POST api.instagram.com/oauth/access_token` in every recorded shape, with its own error envelope (META.md 7.2). */
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

/** graph.instagram.com: exchange, refresh, `/me` and the account's edges (META.md 7). */
export function handleInstagramGraph(state: SandboxState, call: GraphCall): MetaResponse {
  const [first, edge] = call.path;
  if (first === 'access_token') return exchangeLoginToken(state, call, instagramLogin);
  if (first === 'refresh_access_token') return refreshLoginToken(state, call, instagramLogin);
  const view = requireValidToken(state, call, instagramLogin);
  if (call.token !== null) checkProof(state, call, view.app, call.token);
  const own = [view.principal.id, view.principal.accountId];
  if (first === undefined) throw oauthError(100, 'No node specified', { type: 'IGApiException' });
  if (first !== 'me' && !own.includes(first)) return handlePost(state, call, view, first);
  if (edge !== undefined) return handleEdge(state, call, view, edge);
  if (call.method !== 'GET') throw toMissingInstagramObjectError(call, first);
  return ok(showNode(accountView(view), parseFields(call.params.get('fields'))));
}

/** `id` is app-scoped, `user_id` is the 1784... id of webhooks (META.md 7). */
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

function handlePost(state: SandboxState, call: GraphCall, view: TokenView, id: string): MetaResponse {
  const post = state.store.posts.get(id);
  if (post === undefined || post.ownerId !== view.principal.accountId) throw toMissingInstagramObjectError(call, id);
  advanceContainer(state, post);
  return ok(showNode(postView(post), parseFields(call.params.get('fields'))));
}

function handleEdge(state: SandboxState, call: GraphCall, view: TokenView, edge: string): MetaResponse {
  const account = {
    id: view.principal.accountId ?? view.principal.id,
    username: view.principal.username ?? '',
    name: view.principal.name,
  };
  const context = {
    state,
    call,
    caller: { kind: 'token' as const, app: view.app, token: view.token, view },
    node: { type: 'instagram' as const, id: account.id, record: account },
    rest: [],
  };
  switch (`${call.method} ${edge}`) {
    case 'GET media': {
      const posts = [...state.store.posts.values()].filter((post) => post.ownerId === account.id).reverse();
      const fields = parseFields(call.params.get('fields'));
      return ok(
        pageOf(
          call,
          `${state.publicUrl}/${call.host}`,
          `${account.id}/media`,
          posts,
          (post) => post.id,
          (post) => showNode(postView(post), fields),
        ),
      );
    }
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
      throw oauthError(2500, `Unknown path components: /${call.path.slice(1).join('/')}`, { type: 'IGApiException' });
  }
}

function toMissingInstagramObjectError(call: GraphCall, id: string): Error {
  const missing = missingObject(call.method, id).failure;
  return oauthError(missing.code, missing.message, { subcode: 33, type: 'IGApiException' });
}
