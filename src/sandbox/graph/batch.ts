import { failureOfFault } from '../control/fault-responses.ts';
import { type Fault, isEffect } from '../control/fault-script.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { effectiveMethod, findToken, mergeParams, splitPath } from '../http/graph-call.ts';
import { failureBody, GraphError, oauthError, wwwAuthenticate } from '../http/graph-error.ts';
import { servedVersion, splitVersion } from '../http/graph-version.ts';
import { type Answer, etagOf, metaJson, ok } from '../http/meta-response.ts';
import { usageHeaders } from '../http/usage-headers.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { authenticate } from '../tokens/graph-caller.ts';

type Handler = (state: SandboxState, call: GraphCall) => Promise<Answer>;
type Item = {
  method?: string;
  relative_url?: string;
  body?: string;
  name?: string;
  depends_on?: string;
  omit_response_on_success?: boolean;
};
type ItemAnswer = { code: number; headers?: { name: string; value: string }[]; body: string };

const most = 50;

/** A batch: answers in order, each with its own code, headers and a body that is a string (META.md 14). */
export async function answerBatch(state: SandboxState, call: GraphCall, handle: Handler): Promise<Answer> {
  authenticate(state, call, 'facebook');
  const items = parseItems(call);
  if (items.length > most) throw tooMany(state);
  const withHeaders = call.params.get('include_headers') !== 'false';
  const answers: (ItemAnswer | null)[] = [];
  const named = new Map<string, ItemAnswer>();
  const neededBy = new Set(items.flatMap((item) => [item.depends_on ?? [], ...referencesOf(item)].flat()));
  for (const item of items) {
    const answer = await answerItem(state, call, item, named, handle, withHeaders);
    if (answer !== null && item.name !== undefined) named.set(item.name, answer);
    const hidden =
      answer?.code === 200 &&
      item.name !== undefined &&
      neededBy.has(item.name) &&
      item.omit_response_on_success !== false;
    answers.push(hidden ? null : answer);
  }
  return ok(answers);
}

function tooMany(state: SandboxState): GraphError {
  return new GraphError({
    status: state.store.settings.batchOverflowStatus,
    message: `Too many requests in batch message. Maximum batch size is ${most}`,
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

async function answerItem(
  state: SandboxState,
  call: GraphCall,
  item: Item,
  named: Map<string, ItemAnswer>,
  handle: Handler,
  withHeaders: boolean,
): Promise<ItemAnswer | null> {
  const needs = [...referencesOf(item), ...(item.depends_on === undefined ? [] : [item.depends_on])];
  if (needs.some((name) => named.get(name)?.code !== 200)) return null;
  const inner = itemCall(state, call, item, named);
  const faults = state.faults.take(inner);
  for (const fault of faults) if (isEffect(fault)) inner.effects.add(fault.kind);
  const answer = inner.effects.has('null_item') ? null : await runItem(state, inner, faults, handle);
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
    status: answer?.status ?? null,
    inBatch: true,
    fault: faults[0]?.kind ?? null,
  });
  return answer === null ? null : dressItem(state, inner, answer, withHeaders);
}

async function runItem(state: SandboxState, inner: GraphCall, faults: Fault[], handle: Handler): Promise<Answer> {
  const failure = faults.map(failureOfFault).find((one) => one !== null);
  if (failure !== undefined && failure !== null) return { status: failure.status, failure };
  try {
    return await handle(state, inner);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return { status: error.failure.status, failure: error.failure };
  }
}

/** An item as a call of its own: own token and proof, else the batch's. */
function itemCall(state: SandboxState, call: GraphCall, item: Item, named: Map<string, ItemAnswer>): GraphCall {
  const target = new URL(fill(item.relative_url ?? '', named).replace(/^\/*/, '/'), 'http://batch.invalid');
  const { asked, rest } = splitVersion(splitPath(target.pathname));
  const form = [...new URLSearchParams(fill(item.body ?? '', named))];
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
    asked,
    query: target.searchParams,
    params,
    json: null,
    files: [],
    raw: null,
    version: asked === null ? call.version : servedVersion(asked, state.now(), null),
    ...(own.token === null ? {} : own),
    effects: new Set(),
    inBatch: true,
    view: null,
  };
}

/** Puts the values of `{result=name:$.path}` in place; `*` collects over an array. */
function fill(text: string, named: Map<string, ItemAnswer>): string {
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

/** The header list of an item, in the order of batch_responses.json. */
function dressItem(state: SandboxState, call: GraphCall, answer: Answer, withHeaders: boolean): ItemAnswer {
  const json = answer.failure === undefined ? answer.json : failureBody(answer.failure, state.traceId());
  const body = answer.text ?? metaJson(json, state.store.settings.escapeBodies);
  if (!withHeaders) return { code: answer.status, body };
  const usage = usageHeaders(state, call).map(([name, value]): [string, string] => [
    name === 'x-app-usage' ? 'X-App-Usage' : name,
    value,
  ]);
  const middle: [string, string][] = [
    ['Expires', 'Sat, 01 Jan 2000 00:00:00 GMT'],
    ['Facebook-API-Version', call.version],
    ['Content-Type', 'text/javascript; charset=UTF-8'],
    ...usage,
    ['Cache-Control', answer.failure === undefined ? 'private, no-cache, no-store, must-revalidate' : 'no-store'],
    ['Vary', 'Accept-Encoding'],
    ['Pragma', 'no-cache'],
  ];
  const origin: [string, string] = ['Access-Control-Allow-Origin', '*'];
  const headers: [string, string][] =
    answer.failure === undefined
      ? [origin, ['ETag', etagOf(body)], ...middle]
      : [['WWW-Authenticate', wwwAuthenticate(answer.failure)], ...middle, origin];
  return { code: answer.status, headers: headers.map(([name, value]) => ({ name, value })), body };
}
