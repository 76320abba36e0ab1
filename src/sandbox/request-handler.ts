import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerControl } from './control/control-api.ts';
import { answerOfFault } from './control/fault-responses.ts';
import { type Fault, isEffect } from './control/fault-script.ts';
import { jsSdk } from './dialog/js-sdk.ts';
import { answerDialog } from './hosts/dialog-host.ts';
import { answerGraph } from './hosts/graph-host.ts';
import { answerInstagramApi, answerInstagramGraph } from './hosts/instagram-host.ts';
import { answerThreads } from './hosts/threads-host.ts';
import { answerLookaside, answerRupload } from './hosts/upload-hosts.ts';
import { effectiveMethod, findToken, type GraphCall, mergeParams, readBody, splitPath } from './http/graph-call.ts';
import { GraphError, oauthError } from './http/graph-error.ts';
import { servedVersion, splitVersion } from './http/graph-version.ts';
import { type Answer, dressGraphAnswer, sendWire, type WireAnswer, wireRandomBytes } from './http/meta-response.ts';
import { usageHeaders } from './http/usage-headers.ts';
import type { SandboxState } from './state/sandbox-state.ts';

type Host = (state: SandboxState, call: GraphCall) => Answer | Promise<Answer>;

const hosts: Record<string, Host> = {
  'graph.facebook.com': answerGraph,
  'graph-video.facebook.com': answerGraph,
  'rupload.facebook.com': answerRupload,
  'lookaside.fbsbx.com': answerLookaside,
  'www.facebook.com': (state, call) => answerDialog(state, call, 'facebook'),
  'graph.instagram.com': answerInstagramGraph,
  'api.instagram.com': (state, call) =>
    call.path[1] === 'authorize' ? answerDialog(state, call, 'instagram') : answerInstagramApi(state, call),
  'www.instagram.com': (state, call) => answerDialog(state, call, 'instagram'),
  'graph.threads.net': answerThreads,
  'threads.net': (state, call) => answerDialog(state, call, 'threads'),
  'www.threads.net': (state, call) => answerDialog(state, call, 'threads'),
};

/** One request, from its first byte to the recorded call. */
export async function handleRequest(
  state: SandboxState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = new URL(request.url ?? '/', 'http://sandbox.invalid');
  const [host = '', ...path] = splitPath(target.pathname);
  if (host === '__sandbox') return answerControl(state, request, response, path);
  if (host === 'connect.facebook.net') return sendPlain(request, response, jsSdk(state.publicUrl));
  const handler = hosts[host];
  if (handler === undefined) {
    response.writeHead(404, { 'Content-Type': 'text/plain' });
    response.end(
      `No host of Meta: ${host}. The paths start with one of ${Object.keys(hosts).join(', ')}; the control address is /__sandbox\n`,
    );
    return;
  }
  const { call, failure } = await readCall(state, request, host, path, target.searchParams);
  const faults = state.faults.take(call);
  for (const fault of faults) if (isEffect(fault)) call.effects.add(fault.kind);
  await waitFor(state, faults);
  const record = (status: number | null) => recordCall(state, call, status, faults[0]?.kind ?? null);
  if (faults.some((fault) => fault.kind === 'drop_before')) {
    record(null);
    request.socket.destroy();
    return;
  }
  const answer =
    faults.map(answerOfFault).find((one) => one !== null) ?? failure ?? (await runHandler(handler, state, call));
  if (faults.some((fault) => fault.kind === 'drop_after_commit')) {
    record(null);
    request.socket.destroy();
    return;
  }
  const wire = dress(state, call, request, answer);
  record(wire.status);
  const truncate = faults.find((fault) => fault.kind === 'truncate');
  if (truncate !== undefined) return sendTruncated(response, wire, truncate.bytes);
  await sendWire(request, response, wire);
}

async function readCall(
  state: SandboxState,
  request: IncomingMessage,
  host: string,
  path: string[],
  query: URLSearchParams,
): Promise<{ call: GraphCall; failure: Answer | null }> {
  const { asked, rest } = splitVersion(path);
  const isThreads = host === 'graph.threads.net';
  const call: GraphCall = {
    host,
    method: request.method ?? 'GET',
    version: isThreads ? 'v1.0' : (asked ?? ''),
    asked,
    path: rest,
    query,
    params: mergeParams(query, { form: [], json: null }),
    json: null,
    files: [],
    raw: null,
    headers: request.headers,
    token: null,
    tokenPlace: null,
    effects: new Set(),
    inBatch: false,
    view: null,
  };
  try {
    const body = await readBody(request);
    Object.assign(call, { json: body.json, files: body.files, raw: body.raw, params: mergeParams(query, body) });
    Object.assign(call, findToken(query, call.params, request.headers.authorization), {
      method: effectiveMethod(call.method, call.params),
    });
    if (!isThreads) call.version = servedVersion(asked, state.now(), state.store.settings.defaultVersion);
    return { call, failure: null };
  } catch (error) {
    return { call, failure: failureAnswer(error) };
  }
}

async function runHandler(handler: Host, state: SandboxState, call: GraphCall): Promise<Answer> {
  try {
    return await handler(state, call);
  } catch (error) {
    return failureAnswer(error);
  }
}

/** Refusals as they are; anything else is a fault of the sandbox and says so in Meta's shape. */
function failureAnswer(error: unknown): Answer {
  const failure =
    error instanceof GraphError
      ? error.failure
      : oauthError(1, `Sandbox fault: ${error instanceof Error ? error.message : String(error)}`, { status: 500 })
          .failure;
  return { status: failure.status, failure };
}

function dress(state: SandboxState, call: GraphCall, request: IncomingMessage, answer: Answer): WireAnswer {
  const versionName = call.host === 'graph.instagram.com' ? 'instagram-api-version' : 'facebook-api-version';
  const given = new Set((answer.headers ?? []).map(([name]) => name.toLowerCase()));
  return dressGraphAnswer(answer, {
    method: call.method,
    versionHeader: call.host.startsWith('graph') ? [versionName, call.version] : null,
    ifNoneMatch: request.headers['if-none-match'],
    usage: call.host.startsWith('graph') ? usageHeaders(state, call).filter(([name]) => !given.has(name)) : [],
    escaped: state.store.settings.escapeBodies,
    random: state.randomBytes(wireRandomBytes),
    now: state.now(),
  });
}

async function waitFor(state: SandboxState, faults: Fault[]): Promise<void> {
  const { min, max } = state.latencyMs;
  let delayMs = max === 0 ? 0 : min + (max === min ? 0 : state.chance() * (max - min));
  for (const fault of faults) if (fault.kind === 'delay') delayMs += fault.delayMs;
  // Nobody is left to be answered once the server has closed: then this keeps no process alive.
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}

function recordCall(state: SandboxState, call: GraphCall, status: number | null, fault: string | null): void {
  const queryKeys = [...new Set(call.query.keys())];
  state.log.add({
    at: state.now(),
    method: call.method,
    host: call.host,
    path: `/${call.asked === null ? '' : `${call.asked}/`}${call.path.join('/')}`,
    queryKeys,
    bodyKeys: [...call.params.keys()].filter((name) => !call.query.has(name)),
    grantType: call.params.get('grant_type') ?? null,
    fingerprint: state.fingerprint8(call.token),
    tokenPlace: call.tokenPlace,
    appsecretProof: call.params.has('appsecret_proof'),
    status,
    inBatch: false,
    fault,
  });
}

/** Promises the whole body, sends a part, cuts the line. */
function sendTruncated(response: ServerResponse, wire: WireAnswer, bytes: number | undefined): void {
  const body = Buffer.from(wire.body);
  response.sendDate = false;
  response.writeHead(wire.status, [...wire.headers, ['Content-Length', String(body.length)]].flat());
  response.write(body.subarray(0, bytes ?? Math.floor(body.length / 2)), () => response.destroy());
}

async function sendPlain(request: IncomingMessage, response: ServerResponse, script: string): Promise<void> {
  await sendWire(request, response, {
    status: 200,
    headers: [
      ['Content-Type', 'application/x-javascript; charset=utf-8'],
      ['Access-Control-Allow-Origin', '*'],
    ],
    body: script,
  });
}
