import type { IncomingMessage, ServerResponse } from 'node:http';
import { handleControl } from './control/control-api.ts';
import { responseOfFault } from './control/fault-responses.ts';
import { type Fault, isEffect } from './control/fault-script.ts';
import { jsSdk } from './dialog/js-sdk.ts';
import { handleDialog } from './hosts/dialog-host.ts';
import { handleGraph } from './hosts/graph-host.ts';
import { handleInstagramApi, handleInstagramGraph } from './hosts/instagram-host.ts';
import { handleThreads, movedThreadsDialog } from './hosts/threads-host.ts';
import { handleLookaside, handleRupload } from './hosts/upload-hosts.ts';
import { effectiveMethod, findToken, type GraphCall, mergeParams, readBody, splitPath } from './http/graph-call.ts';
import { GraphError, oauthError } from './http/graph-error.ts';
import { servedVersion, splitVersion } from './http/graph-version.ts';
import {
  type MetaResponse,
  sendWireResponse,
  toWireResponse,
  WIRE_RANDOM_BYTES,
  type WireResponse,
} from './http/meta-response.ts';
import { usageHeaders } from './http/usage-headers.ts';
import type { SandboxState } from './state/sandbox-state.ts';

type Host = (state: SandboxState, call: GraphCall) => MetaResponse | Promise<MetaResponse>;

const hosts: Record<string, Host> = {
  'graph.facebook.com': handleGraph,
  'graph-video.facebook.com': handleGraph,
  'rupload.facebook.com': handleRupload,
  'lookaside.fbsbx.com': handleLookaside,
  'www.facebook.com': (state, call) => handleDialog(state, call, 'facebook'),
  'graph.instagram.com': handleInstagramGraph,
  'api.instagram.com': (state, call) =>
    call.path[1] === 'authorize' ? handleDialog(state, call, 'instagram') : handleInstagramApi(state, call),
  'www.instagram.com': (state, call) => handleDialog(state, call, 'instagram'),
  'graph.threads.net': handleThreads,
  'graph.threads.com': handleThreads,
  'www.threads.com': (state, call) => handleDialog(state, call, 'threads'),
  'threads.com': (state, call) => handleDialog(state, call, 'threads'),
  'threads.net': movedThreadsDialog,
  'www.threads.net': movedThreadsDialog,
};

/** Handles one request: faults, the call itself, the response, the call log. */
export async function handleRequest(
  state: SandboxState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = new URL(request.url ?? '/', 'http://sandbox.invalid');
  const [host = '', ...path] = splitPath(target.pathname);
  if (host === '__sandbox') return handleControl(state, request, response, path);
  if (host === 'connect.facebook.net') return sendPlain(request, response, jsSdk(state.publicUrl));
  const handler = hosts[host];
  if (handler === undefined) {
    response.writeHead(404, { 'Content-Type': 'text/plain' });
    response.end(
      `No such Meta host: ${host}. Paths start with one of ${Object.keys(hosts).join(', ')}; ` +
        'the control API is /__sandbox\n',
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
  const metaResponse =
    faults.map(responseOfFault).find((one) => one !== null) ?? failure ?? (await runHandler(handler, state, call));
  if (faults.some((fault) => fault.kind === 'drop_after_commit')) {
    record(null);
    request.socket.destroy();
    return;
  }
  const wire = buildWireResponse(state, call, request, metaResponse);
  record(wire.status);
  const truncate = faults.find((fault) => fault.kind === 'truncate');
  if (truncate !== undefined) return sendTruncated(response, wire, truncate.bytes);
  await sendWireResponse(request, response, wire);
}

async function readCall(
  state: SandboxState,
  request: IncomingMessage,
  host: string,
  path: string[],
  query: URLSearchParams,
): Promise<{ call: GraphCall; failure: MetaResponse | null }> {
  const { requestedVersion, rest } = splitVersion(path);
  const isThreads = host.startsWith('graph.threads.');
  const call: GraphCall = {
    host,
    method: request.method ?? 'GET',
    version: isThreads ? 'v1.0' : (requestedVersion ?? ''),
    requestedVersion,
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
    if (!isThreads) call.version = servedVersion(requestedVersion, state.now(), state.store.settings.defaultVersion);
    return { call, failure: null };
  } catch (error) {
    return { call, failure: toErrorResponse(error) };
  }
}

async function runHandler(handler: Host, state: SandboxState, call: GraphCall): Promise<MetaResponse> {
  try {
    return await handler(state, call);
  } catch (error) {
    return toErrorResponse(error);
  }
}

/** Sends refusals as they are. Other errors are the sandbox's own, in Meta's format. */
function toErrorResponse(error: unknown): MetaResponse {
  const failure =
    error instanceof GraphError
      ? error.failure
      : oauthError(1, `Sandbox fault: ${error instanceof Error ? error.message : String(error)}`, { status: 500 })
          .failure;
  return { status: failure.status, failure };
}

function buildWireResponse(
  state: SandboxState,
  call: GraphCall,
  request: IncomingMessage,
  metaResponse: MetaResponse,
): WireResponse {
  const versionName = call.host === 'graph.instagram.com' ? 'instagram-api-version' : 'facebook-api-version';
  const given = new Set((metaResponse.headers ?? []).map(([name]) => name.toLowerCase()));
  return toWireResponse(metaResponse, {
    method: call.method,
    versionHeader: call.host.startsWith('graph') ? [versionName, call.version] : null,
    ifNoneMatch: request.headers['if-none-match'],
    usage: call.host.startsWith('graph') ? usageHeaders(state, call).filter(([name]) => !given.has(name)) : [],
    escaped: state.store.settings.escapeBodies,
    random: state.randomBytes(WIRE_RANDOM_BYTES),
    now: state.now(),
  });
}

async function waitFor(state: SandboxState, faults: Fault[]): Promise<void> {
  const { min, max } = state.latencyMs;
  let delayMs = max === 0 ? 0 : min + (max === min ? 0 : state.randomFraction() * (max - min));
  for (const fault of faults) if (fault.kind === 'delay') delayMs += fault.delayMs;
  // Pending delays must not keep the process alive after the server has closed.
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}

function recordCall(state: SandboxState, call: GraphCall, status: number | null, fault: string | null): void {
  const queryKeys = [...new Set(call.query.keys())];
  state.log.add({
    at: state.now(),
    method: call.method,
    host: call.host,
    path: `/${call.requestedVersion === null ? '' : `${call.requestedVersion}/`}${call.path.join('/')}`,
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

/** Announces the full length, sends part of it, then cuts the connection. */
function sendTruncated(response: ServerResponse, wire: WireResponse, bytes: number | undefined): void {
  const body = Buffer.from(wire.body);
  response.sendDate = false;
  response.writeHead(wire.status, [...wire.headers, ['Content-Length', String(body.length)]].flat());
  response.write(body.subarray(0, bytes ?? Math.floor(body.length / 2)), () => response.destroy());
}

async function sendPlain(request: IncomingMessage, response: ServerResponse, script: string): Promise<void> {
  await sendWireResponse(request, response, {
    status: 200,
    headers: [
      ['Content-Type', 'application/x-javascript; charset=utf-8'],
      ['Access-Control-Allow-Origin', '*'],
    ],
    body: script,
  });
}
