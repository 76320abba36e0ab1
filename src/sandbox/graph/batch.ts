import { failureOfFault } from '../control/fault-responses.ts';
import { type Fault, isEffect } from '../control/fault-script.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { effectiveMethod, findToken, mergeParams, splitPath } from '../http/graph-call.ts';
import { failureBody, GraphError, oauthError, wwwAuthenticate } from '../http/graph-error.ts';
import { servedVersion, splitVersion } from '../http/graph-version.ts';
import { etagOf, type MetaResponse, metaJson, ok } from '../http/meta-response.ts';
import { usageHeaders } from '../http/usage-headers.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { authenticate } from '../tokens/graph-caller.ts';

type Handler = (state: SandboxState, call: GraphCall) => Promise<MetaResponse>;
type Item = {
  method?: string;
  relative_url?: string;
  body?: string;
  name?: string;
  depends_on?: string;
  omit_response_on_success?: boolean;
};
type ItemResponse = { code: number; headers?: { name: string; value: string }[]; body: string };

const MAX_BATCH_ITEMS = 50;

/** Runs a batch in order. Each response has its code, headers and a string body (docs/meta-facts.md#batches). */
export async function handleBatch(state: SandboxState, call: GraphCall, handle: Handler): Promise<MetaResponse> {
  authenticate(state, call, 'facebook');
  const items = parseItems(call);
  if (items.length > MAX_BATCH_ITEMS) throw tooMany(state);
  const withHeaders = call.params.get('include_headers') !== 'false';
  const responses: (ItemResponse | null)[] = [];
  const named = new Map<string, ItemResponse>();
  const neededBy = new Set(items.flatMap((item) => [item.depends_on ?? [], ...referencesOf(item)].flat()));
  for (const item of items) {
    const response = await handleItem(state, call, item, named, handle, withHeaders);
    if (response !== null && item.name !== undefined) named.set(item.name, response);
    const isOmitted =
      response?.code === 200 &&
      item.name !== undefined &&
      neededBy.has(item.name) &&
      item.omit_response_on_success !== false;
    responses.push(isOmitted ? null : response);
  }
  return ok(responses);
}

function tooMany(state: SandboxState): GraphError {
  return new GraphError({
    status: state.store.settings.batchOverflowStatus,
    message: `Too many requests in batch message. Maximum batch size is ${MAX_BATCH_ITEMS}`,
    type: 'GraphBatchException',
    code: 0,
  });
}

function parseItems(call: GraphCall): Item[] {
  let items: unknown;
  try {
    items = JSON.parse(call.params.get('batch') ?? '');
  } catch {
    items = null;
  }
  if (!Array.isArray(items)) throw oauthError(100, '(#100) param batch must be an array.');
  return items as Item[];
}

const reference = /\{result=([A-Za-z0-9_-]+):\$\.([^}]*)\}/g;

function referencesOf(item: Item): string[] {
  return [...`${item.relative_url ?? ''} ${item.body ?? ''}`.matchAll(reference)].map((match) => match[1] ?? '');
}

async function handleItem(
  state: SandboxState,
  call: GraphCall,
  item: Item,
  named: Map<string, ItemResponse>,
  handle: Handler,
  withHeaders: boolean,
): Promise<ItemResponse | null> {
  const needs = [...referencesOf(item), ...(item.depends_on === undefined ? [] : [item.depends_on])];
  if (needs.some((name) => named.get(name)?.code !== 200)) return null;
  const inner = itemCall(state, call, item, named);
  const faults = state.faults.take(inner);
  for (const fault of faults) if (isEffect(fault)) inner.effects.add(fault.kind);
  const response = inner.effects.has('null_item') ? null : await runItem(state, inner, faults, handle);
  state.log.add({
    at: state.now(),
    method: inner.method,
    host: inner.host,
    path: `/${inner.path.join('/')}`,
    queryKeys: [...inner.query.keys()],
    bodyKeys: [],
    grantType: inner.params.get('grant_type') ?? null,
    fingerprint: state.fingerprint8(inner.token),
    tokenPlace: inner.tokenPlace,
    appsecretProof: inner.params.has('appsecret_proof'),
    status: response?.status ?? null,
    inBatch: true,
    fault: faults[0]?.kind ?? null,
  });
  return response === null ? null : toItemResponse(state, inner, response, withHeaders);
}

async function runItem(state: SandboxState, inner: GraphCall, faults: Fault[], handle: Handler): Promise<MetaResponse> {
  const failure = faults.map(failureOfFault).find((one) => one !== null);
  if (failure !== undefined && failure !== null) return { status: failure.status, failure };
  try {
    return await handle(state, inner);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return { status: error.failure.status, failure: error.failure };
  }
}

/** Turns an item into a call, with its own token and proof or else the batch's. */
function itemCall(state: SandboxState, call: GraphCall, item: Item, named: Map<string, ItemResponse>): GraphCall {
  const target = new URL(fillReferences(item.relative_url ?? '', named).replace(/^\/*/, '/'), 'http://batch.invalid');
  const { requestedVersion, rest } = splitVersion(splitPath(target.pathname));
  const form = [...new URLSearchParams(fillReferences(item.body ?? '', named))];
  const params = mergeParams(target.searchParams, { form, json: null });
  const own = findToken(target.searchParams, params, undefined);
  if (own.token === null) {
    for (const name of ['appsecret_proof', 'appsecret_time']) {
      const value = call.params.get(name);
      if (value !== undefined && !params.has(name)) params.set(name, value);
    }
  }
  return {
    ...call,
    method: effectiveMethod((item.method ?? 'GET').toUpperCase(), params),
    path: rest,
    requestedVersion,
    query: target.searchParams,
    params,
    json: null,
    files: [],
    raw: null,
    version: requestedVersion === null ? call.version : servedVersion(requestedVersion, state.now(), null),
    ...(own.token === null ? {} : own),
    effects: new Set(),
    inBatch: true,
    view: null,
  };
}

/** Substitutes `{result=name:$.path}`; `*` collects over an array. */
function fillReferences(text: string, named: Map<string, ItemResponse>): string {
  return text.replace(reference, (_whole, name: string, path: string) => {
    const body: unknown = JSON.parse(named.get(name)?.body ?? 'null');
    const values = path.split('.').reduce<unknown[]>((found, key) => found.flatMap((one) => step(one, key)), [body]);
    return values.map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))).join(',');
  });
}

function step(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (key === '*') return Object.values(value);
  const inner = (value as Record<string, unknown>)[key];
  return inner === undefined ? [] : [inner];
}

/** Builds an item's response, with headers ordered as in batch_responses.json. */
function toItemResponse(
  state: SandboxState,
  call: GraphCall,
  response: MetaResponse,
  withHeaders: boolean,
): ItemResponse {
  const json = response.failure === undefined ? response.json : failureBody(response.failure, state.traceId());
  const body = response.text ?? metaJson(json, state.store.settings.escapeBodies);
  if (!withHeaders) return { code: response.status, body };
  const usage = usageHeaders(state, call).map(([name, value]): [string, string] => [
    name === 'x-app-usage' ? 'X-App-Usage' : name,
    value,
  ]);
  const middle: [string, string][] = [
    ['Expires', 'Sat, 01 Jan 2000 00:00:00 GMT'],
    ['Facebook-API-Version', call.version],
    ['Content-Type', 'text/javascript; charset=UTF-8'],
    ...usage,
    ['Cache-Control', response.failure === undefined ? 'private, no-cache, no-store, must-revalidate' : 'no-store'],
    ['Vary', 'Accept-Encoding'],
    ['Pragma', 'no-cache'],
  ];
  const origin: [string, string] = ['Access-Control-Allow-Origin', '*'];
  const headers: [string, string][] =
    response.failure === undefined
      ? [origin, ['ETag', etagOf(body)], ...middle]
      : [['WWW-Authenticate', wwwAuthenticate(response.failure)], ...middle, origin];
  return { code: response.status, headers: headers.map(([name, value]) => ({ name, value })), body };
}
