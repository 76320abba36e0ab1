import { parseFields, showNode } from '../graph/field-selection.ts';
import { type EdgeContext, listNodes } from '../graph/graph-edge.ts';
import { postView } from '../graph/node-views.ts';
import { container, postsOf, publish } from '../graph/page-edges.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, redirect } from '../http/meta-response.ts';
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
import { accountContext, showOwnPost, unknownEdge } from './login-account.ts';

/** graph.threads.net and graph.threads.com (docs/meta-facts.md#threads). */
export function handleThreads(state: SandboxState, call: GraphCall): MetaResponse {
  const [first, edge] = call.path;
  if (first === 'oauth' && edge === 'access_token') return oauthAccessToken(state, call);
  if (first === 'access_token') return exchangeLoginToken(state, call, threadsLogin);
  if (first === 'refresh_access_token') return refreshLoginToken(state, call, threadsLogin);
  if (first === 'debug_token') return debugTokenEndpoint(state, call, 'threads');
  const view = requireValidToken(state, call, threadsLogin);
  if (call.token !== null) checkProof(state, call, view.app, call.token);
  const context = accountContext(state, call, view);
  if (first !== 'me' && first !== view.principal.id) return showOwnPost(context, threadsLogin, first ?? '');
  if (edge !== undefined) return handleEdge(context, edge);
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

/** Exchanges a code (query or form), or serves `client_credentials`. */
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

function handleEdge(context: EdgeContext, edge: string): MetaResponse {
  const { call } = context;
  switch (`${call.method} ${edge}`) {
    case 'GET threads':
      return listNodes(context, 'threads', postsOf(context), postView);
    case 'POST threads':
      return container(context, 'threads_content_publish');
    case 'POST threads_publish':
      return publish(context);
    default:
      throw unknownEdge(call, threadsLogin);
  }
}

/**
 * The old dialog host: 301 to the new one, possibly losing the query (docs/meta-facts.md#instagram-and-threads-apps).
 */
export function movedThreadsDialog(state: SandboxState, call: GraphCall): MetaResponse {
  const isKept = state.store.settings.threadsRedirect === 'keeps_query' && call.query.size > 0;
  const query = isKept ? `?${call.query.toString()}` : '';
  return { ...redirect(`${state.publicUrl}/www.threads.com/${call.path.join('/')}${query}`), status: 301 };
}
