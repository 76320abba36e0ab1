import { parseFields, showNode } from '../graph/field-selection.ts';
import { postView } from '../graph/node-views.ts';
import { advanceContainer, container, publish } from '../graph/page-edges.ts';
import { pageOf } from '../graph/paging.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { missingObject, oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok } from '../http/meta-response.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { debugTokenEndpoint } from '../tokens/debug-token.ts';
import { checkProof, opaqueAppToken } from '../tokens/graph-caller.ts';
import {
  CodeExchangeError,
  exchangeLoginCode,
  exchangeLoginToken,
  jsonWithRawId,
  refreshLoginToken,
  requireValidToken,
  threadsLogin,
} from '../tokens/login-tokens.ts';
import type { TokenView } from '../tokens/token-issuer.ts';

/** graph.threads.net (META.md 9). */
export function handleThreads(state: SandboxState, call: GraphCall): MetaResponse {
  const [first, edge] = call.path;
  if (first === 'oauth' && edge === 'access_token') return oauthAccessToken(state, call);
  if (first === 'access_token') return exchangeLoginToken(state, call, threadsLogin);
  if (first === 'refresh_access_token') return refreshLoginToken(state, call, threadsLogin);
  if (first === 'debug_token') return debugTokenEndpoint(state, call, 'threads');
  const view = requireValidToken(state, call, threadsLogin);
  if (call.token !== null) checkProof(state, call, view.app, call.token);
  if (first !== 'me' && first !== view.principal.id) return handlePost(state, call, view, first ?? '');
  if (edge !== undefined) return handleEdge(state, call, view, edge);
  const { principal } = view;
  const fields = {
    username: principal.username,
    name: principal.name,
    threads_profile_picture_url: undefined,
    threads_biography: undefined,
  };
  return ok(
    showNode(
      { type: 'ThreadsUser', id: principal.id, defaults: ['id'], fields },
      parseFields(call.params.get('fields')),
    ),
  );
}

/** Code exchange by query or form, and `client_credentials`. */
function oauthAccessToken(state: SandboxState, call: GraphCall): MetaResponse {
  if (call.params.get('grant_type') === 'client_credentials') {
    const app = state.store.apps.get(call.params.get('client_id') ?? '');
    if (app?.kind !== 'threads')
      throw oauthError(101, 'Error validating application. Cannot get application info due to a system error.');
    if (app.secret !== call.params.get('client_secret')) throw oauthError(1, 'Error validating client secret.');
    return ok({ access_token: `TH|${app.id}|${opaqueAppToken(app)}`, token_type: 'bearer' });
  }
  try {
    const { token, principal } = exchangeLoginCode(state, call, threadsLogin);
    const { threadsUserId, escapeBodies } = state.store.settings;
    const text = jsonWithRawId(
      { access_token: token, user_id: principal.id },
      'user_id',
      principal.id,
      threadsUserId === 'number',
      escapeBodies,
    );
    return { status: 200, text };
  } catch (error) {
    if (!(error instanceof CodeExchangeError)) throw error;
    throw oauthError(100, error.message, { errorCode: 'invalid_code' });
  }
}

function handleEdge(state: SandboxState, call: GraphCall, view: TokenView, edge: string): MetaResponse {
  const record = { id: view.principal.id, username: view.principal.username ?? '', name: view.principal.name };
  const context = {
    state,
    call,
    caller: { kind: 'token' as const, app: view.app, token: view.token, view },
    node: { type: 'instagram' as const, id: record.id, record },
    rest: [],
  };
  switch (`${call.method} ${edge}`) {
    case 'GET threads': {
      const posts = [...state.store.posts.values()].filter((post) => post.ownerId === record.id).reverse();
      const fields = parseFields(call.params.get('fields'));
      return ok(
        pageOf(
          call,
          `${state.publicUrl}/${call.host}`,
          `${record.id}/threads`,
          posts,
          (post) => post.id,
          (post) => showNode(postView(post), fields),
        ),
      );
    }
    case 'POST threads':
      return container(context, 'threads_content_publish');
    case 'POST threads_publish':
      return publish(context);
    default:
      throw oauthError(2500, `Unknown path components: /${call.path.slice(1).join('/')}`, { type: 'THApiException' });
  }
}

/** A post or a container of the caller's own. */
function handlePost(state: SandboxState, call: GraphCall, view: TokenView, id: string): MetaResponse {
  const post = state.store.posts.get(id);
  if (post === undefined || post.ownerId !== view.principal.id) throw toMissingThreadsObjectError(call, id);
  advanceContainer(state, post);
  return ok(showNode(postView(post), parseFields(call.params.get('fields'))));
}

function toMissingThreadsObjectError(call: GraphCall, id: string): Error {
  return oauthError(100, missingObject(call.method, id).failure.message, { subcode: 33, type: 'THApiException' });
}
