import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BulkRequest } from '../state/credential-factory.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { controlActions } from './control-actions.ts';

/**
 * Serves the control API `/__sandbox/<name>`; `GET /__sandbox` lists every call with its body. Bodies and responses are
 * JSON; failures are 400 with `{error}`. Inside the process, `SandboxState` offers the same as methods.
 */
export async function handleControl(
  state: SandboxState,
  request: IncomingMessage,
  response: ServerResponse,
  path: string[],
): Promise<void> {
  const name = path.join('/');
  if (name === '')
    return send(response, 200, {
      calls: controlActions.map(({ method, path: at, about }) => ({ call: `${method} /__sandbox/${at}`, about })),
    });
  try {
    const body = await readJson(request);
    if (name === 'bulk' && request.method === 'POST') return await sendBulk(state, response, body);
    const action = controlActions.find((one) => one.path === name && one.method === request.method);
    if (action === undefined)
      return send(response, 404, { error: `no control call ${request.method} ${name}; see GET /__sandbox` });
    send(response, 200, (await action.run(state, body)) ?? { ok: true });
  } catch (error) {
    send(response, 400, { error: error instanceof Error ? error.message : String(error) });
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const target = new URL(request.url ?? '/', 'http://sandbox.invalid');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8').trim();
  const body: unknown = text === '' ? {} : JSON.parse(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Error('the body must be a JSON object');
  return { ...Object.fromEntries(target.searchParams), ...body };
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

/**
 * `{count, expiresAt|expiresIn, kind, scopes, lines}`: streams an array or, with `lines: true`, one object per line.
 */
async function sendBulk(state: SandboxState, response: ServerResponse, body: Record<string, unknown>): Promise<void> {
  const lines = body.lines === true;
  if (!Number.isInteger(body.count)) throw new Error('count must be an integer');
  response.writeHead(200, { 'Content-Type': lines ? 'application/x-ndjson' : 'application/json' });
  let buffered: string[] = [];
  const flush = async () => {
    const canContinue = response.write(buffered.join(''));
    buffered = [];
    if (!canContinue) await once(response, 'drain');
  };
  let first = true;
  for (const one of state.make.bulk(body as unknown as BulkRequest)) {
    buffered.push(lines ? `${JSON.stringify(one)}\n` : `${first ? '[' : ','}${JSON.stringify(one)}`);
    first = false;
    if (buffered.length === 500) await flush();
  }
  if (!lines) buffered.push(first ? '[]' : ']');
  await flush();
  response.end();
}
