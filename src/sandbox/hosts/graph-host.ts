import { adsEdges } from '../graph/ads-edges.ts';
import { appEdges } from '../graph/app-edges.ts';
import { handleBatch } from '../graph/batch.ts';
import { businessEdges } from '../graph/business-edges.ts';
import { parseFields, showNode } from '../graph/field-selection.ts';
import type { EdgeTable } from '../graph/graph-edge.ts';
import { findNode, nodeViewOf } from '../graph/graph-node.ts';
import type { GraphNode } from '../graph/node-type.ts';
import { pageEdges } from '../graph/page-edges.ts';
import { phoneEdges } from '../graph/phone-edges.ts';
import { systemUserEdges } from '../graph/system-user-edges.ts';
import { handleUpload, uploadEdges } from '../graph/upload-sessions.ts';
import { userEdges } from '../graph/user-edges.ts';
import { whatsappEdges } from '../graph/whatsapp-edges.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { GraphError, methodError, missingObject, oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok } from '../http/meta-response.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { debugTokenEndpoint } from '../tokens/debug-token.ts';
import { authenticate, type GraphCaller, requireScope } from '../tokens/graph-caller.ts';
import { accessTokenEndpoint, clientCodeEndpoint, revokeEndpoint } from '../tokens/oauth-exchange.ts';

const edges: EdgeTable = {
  ...userEdges,
  ...systemUserEdges,
  ...businessEdges,
  ...pageEdges,
  ...whatsappEdges,
  ...phoneEdges,
  ...appEdges,
  ...adsEdges,
  ...uploadEdges,
};
const typeNames: Record<GraphNode['type'], string> = {
  user: 'User',
  page: 'Page',
  instagram: 'IGUser',
  business: 'Business',
  waba: 'WhatsAppBusinessAccount',
  phone: 'WhatsAppBusinessPhoneNumber',
  adaccount: 'AdAccount',
  post: 'Post',
  report: 'AdReportRun',
  app: 'Application',
};

/** graph.facebook.com and graph-video.facebook.com. */
export async function handleGraph(state: SandboxState, call: GraphCall): Promise<MetaResponse> {
  if (call.params.has('batch') && !call.inBatch && call.method === 'POST') return handleBatch(state, call, handleGraph);
  const [first, second] = call.path;
  if (first === 'oauth') return handleOauth(state, call, second);
  if (first === 'debug_token') return debugTokenEndpoint(state, call, 'facebook');
  if (first === undefined) return handleRoot(state, call);
  try {
    return await handleNode(state, call, first);
  } catch (error) {
    throw withWhatsappStatus(state, call, error);
  }
}

function handleOauth(state: SandboxState, call: GraphCall, endpoint: string | undefined): MetaResponse {
  if (endpoint === 'access_token') return accessTokenEndpoint(state, call);
  if (endpoint === 'revoke') return revokeEndpoint(state, call);
  if (endpoint === 'client_code') return clientCodeEndpoint(state, call);
  throw oauthError(2500, `Unknown path components: /${call.path.slice(1).join('/')}`);
}

/** `GET /?ids=a,b` shows several nodes; without ids it fails. */
function handleRoot(state: SandboxState, call: GraphCall): MetaResponse {
  const ids = call.params.get('ids');
  if (ids === undefined) throw methodError('No node specified');
  const caller = authenticate(state, call, 'facebook');
  const fields = parseFields(call.params.get('fields'));
  const shown = ids
    .split(',')
    .map((id) => [id, showNode(nodeViewOf(state, caller, findNode(state, call, caller, id)), fields)]);
  return ok(Object.fromEntries(shown));
}

async function handleNode(state: SandboxState, call: GraphCall, first: string): Promise<MetaResponse> {
  const caller = authenticate(state, call, 'facebook');
  if (first.startsWith('upload:')) return handleUpload(state, call);
  const media = handleMedia(state, call, first, caller);
  if (media !== null) return media;
  const node = findNode(state, call, caller, first);
  const edge = call.path[1];
  if (edge !== undefined) return handleEdge(state, call, caller, node, edge);
  if (call.method === 'GET')
    return ok(showNode(nodeViewOf(state, caller, node), parseFieldsForCaller(call, caller, node)));
  if (call.method === 'DELETE' && node.type === 'post') {
    state.store.posts.delete(node.id);
    return ok({ success: true });
  }
  if (call.method === 'POST' && node.type === 'post') return ok({ success: true });
  throw missingObject(call.method, node.id);
}

function handleEdge(
  state: SandboxState,
  call: GraphCall,
  caller: GraphCaller,
  node: GraphNode,
  edge: string,
): MetaResponse | Promise<MetaResponse> {
  const handler = edges[`${call.method} ${node.type}/${edge}`];
  if (handler !== undefined) return handler({ state, call, caller, node, rest: call.path.slice(2) });
  if (call.method === 'GET')
    throw oauthError(100, `(#100) Tried accessing nonexisting field (${edge}) on node type (${typeNames[node.type]})`);
  throw missingObject(call.method, `${node.id}/${edge}`);
}

/**
 * `client_business_id` with an ordinary user token is a 190, although the token is fine
 * (docs/meta-facts.md#business-integration-system-users).
 */
function parseFieldsForCaller(call: GraphCall, caller: GraphCaller, node: GraphNode): ReturnType<typeof parseFields> {
  const fields = parseFields(call.params.get('fields'));
  const asks = fields?.some((field) => field.name === 'client_business_id') === true;
  if (asks && caller.kind === 'token' && caller.view.claims.kind === 'user' && node.type === 'user')
    throw oauthError(190, 'Invalid OAuth access token.');
  return fields;
}

/** Returns a medium's metadata with a download URL, or deletes it. Null if the id is not a medium. */
function handleMedia(state: SandboxState, call: GraphCall, id: string, caller: GraphCaller): MetaResponse | null {
  const media = state.store.media.get(id);
  if (media === undefined || call.path.length > 1) return null;
  if (caller.kind === 'token') requireScope(caller.view, 'whatsapp_business_messaging', 'whatsapp_business_management');
  if (call.method === 'DELETE') return ok({ success: state.store.media.delete(id) });
  const url = `${state.publicUrl}/lookaside.fbsbx.com/whatsapp_business/attachments/?mid=${id}`;
  return ok({
    url,
    mime_type: media.mimeType,
    sha256: media.sha256,
    file_size: media.size,
    id,
    messaging_product: 'whatsapp',
  });
}

/** On WhatsApp nodes a 190 is a 401 without a subcode (docs/meta-facts.md#errors). */
function withWhatsappStatus(state: SandboxState, call: GraphCall, error: unknown): unknown {
  const id = call.path[0] ?? '';
  if (
    !(error instanceof GraphError) ||
    error.failure.code !== 190 ||
    !(state.store.wabas.has(id) || state.store.phones.has(id))
  )
    return error;
  const { subcode: _subcode, ...failure } = error.failure;
  return new GraphError({ ...failure, status: state.store.settings.whatsappAuthStatus });
}
