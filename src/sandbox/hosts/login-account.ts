import { parseFields, showNode } from '../graph/field-selection.ts';
import type { EdgeContext } from '../graph/graph-edge.ts';
import { advanceContainer } from '../graph/media-container.ts';
import { postView } from '../graph/node-views.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { missingObject, oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok } from '../http/meta-response.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { LoginProduct } from '../tokens/login-tokens.ts';
import type { TokenView } from '../tokens/token-issuer.ts';

/** Presents the account of an Instagram or Threads token as an edge's context. */
export function accountContext(state: SandboxState, call: GraphCall, view: TokenView): EdgeContext {
  const { principal } = view;
  const id = principal.accountId ?? principal.id;
  return {
    state,
    call,
    caller: { kind: 'token', app: view.app, token: view.token, view },
    node: { type: 'instagram', id, record: { id, username: principal.username ?? '', name: principal.name } },
    rest: [],
  };
}

/** Shows a post or container that the caller owns. */
export function showOwnPost(context: EdgeContext, product: LoginProduct, id: string): MetaResponse {
  const { state, call, node } = context;
  const post = state.store.posts.get(id);
  if (post === undefined || post.ownerId !== node.id) throw missingLoginObject(call, product, id);
  advanceContainer(state, post);
  return ok(showNode(postView(post), parseFields(call.params.get('fields'))));
}

export function missingLoginObject(call: GraphCall, product: LoginProduct, id: string): Error {
  const { code, message } = missingObject(call.method, id).failure;
  return oauthError(code, message, { subcode: 33, type: product.errorType });
}

export function unknownEdge(call: GraphCall, product: LoginProduct): Error {
  return oauthError(2500, `Unknown path components: /${call.path.slice(1).join('/')}`, { type: product.errorType });
}
