import { Metavault, type MetavaultOptions } from '../../clients/typescript/src/client.ts';
import type { Runtime } from '../../clients/typescript/src/runtime.ts';

/** A request as the service would see it. */
export interface SentRequest {
  method: string;
  url: URL;
  headers: Headers;
  body: unknown;
}
type Answer = (request: SentRequest) => Response | Error | Promise<Response | Error>;

/** A client of the TypeScript package and a scripted service. Time passes only while it sleeps, or by `advance`. */
export interface ScriptedService {
  client: Metavault;
  sent: SentRequest[];
  /** Milliseconds of each pause. */
  pauses: number[];
  advance(milliseconds: number): void;
}

export const SERVICE_URL = 'https://metavault.example';
export const API_KEY = 'mtv_0123456789abcdef0123456789abcdef';

/** Answers each request with `answer`; an error means that no answer comes. `random` decides jitter. */
export function scriptService(
  answer: Answer,
  options: Partial<MetavaultOptions> = {},
  random: () => number = () => 0,
): ScriptedService {
  const sent: SentRequest[] = [];
  const pauses: number[] = [];
  let time = 0;
  const runtime: Runtime = {
    now: () => time,
    random,
    sleep: async (milliseconds) => {
      pauses.push(milliseconds);
      time += milliseconds;
    },
  };
  const scripted = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    const { method = 'GET', headers, body } = init;
    const request = { method, url: new URL(String(input)), headers: new Headers(headers), body };
    sent.push(request);
    const given = await answer(request);
    if (given instanceof Error) throw given;
    return given;
  };
  const client = new Metavault(
    { url: SERVICE_URL, apiKey: API_KEY, fetch: scripted as typeof fetch, ...options },
    runtime,
  );
  const advance = (milliseconds: number): void => {
    time += milliseconds;
  };
  return { client, sent, pauses, advance };
}

/** A `fetch` that never answers; it ends with its signal as the real one does. */
export function hangingFetch(_: unknown, { signal }: RequestInit = {}): Promise<Response> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
  });
}

/** A problem as the service answers it. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = { type: `/problems/${code}`, title: code, status, code, detail: 'It failed.', remedy: 'Mend it.' };
  return Response.json({ ...body, request_id: 'req_1' }, { status, headers });
}

/** A refusal by the gateway. */
export function gatewayRefusal(status: number, code: string, headers: Record<string, string> = {}): Response {
  const error = { message: 'Refused.', type: 'OAuthException', code: 190, error_data: { code } };
  return Response.json({ error }, { status, headers });
}

/** The answer to the n-th request for a lease; its token is `mtl_lease_<n>`. */
export function issuedLease(n: number, expiresIn = 900): Response {
  const lease = {
    lease_id: `lse_${n}`,
    mode: 'gateway',
    access_token: `mtl_lease_${n}`,
    token_type: 'Bearer',
    expires_in: expiresIn,
    expires_at: '2026-11-28T09:30:00.000Z',
    scopes: ['pages_show_list'],
    connection_id: 'con_1',
    credential_id: 'crd_1',
    credential_version: 1,
    graph_base_url: `${SERVICE_URL}/graph`,
    token_expires_at: null,
  };
  return Response.json(lease, { status: 201 });
}
