import { randomBytes } from 'node:crypto';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../../src/sandbox/sandbox.ts';

export const startedAt = Date.parse('2026-11-22T12:00:00Z');
export const redirectUri = 'https://vault.example/oauth/meta/callback';

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  json: unknown;
}

/** A sandbox on a fixed clock; `advanceClock` moves it. */
export function start(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  return startSandbox({ now: () => startedAt, randomBytes, ...options });
}

export async function call(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  return { status: response.status, headers: response.headers, text, json };
}

export function form(values: Record<string, string>): RequestInit {
  return { method: 'POST', body: new URLSearchParams(values) };
}

export function json(value: unknown): RequestInit {
  return { method: 'POST', body: JSON.stringify(value), headers: { 'Content-Type': 'application/json' } };
}

export function bearer(token: string, init: RequestInit = {}): RequestInit {
  return {
    ...init,
    headers: { ...(init.headers as Record<string, string> | undefined), Authorization: `Bearer ${token}` },
  };
}

/** Runs the Facebook dialog as a program does, and returns the code. */
export async function dialogCode(sandbox: Sandbox, query: Record<string, string> = {}): Promise<string> {
  const parameters = new URLSearchParams({
    client_id: sandbox.app.id,
    redirect_uri: redirectUri,
    state: 's1',
    scope: 'email,pages_show_list',
    sandbox_action: 'approve',
    ...query,
  });
  const reply = await call(`${sandbox.url}/www.facebook.com/v26.0/dialog/oauth?${parameters}`);
  return new URL(reply.headers.get('location') ?? '').searchParams.get('code') ?? '';
}

/** `GET oauth/access_token` with the app's own credentials, as changed by `query`. */
export function exchange(sandbox: Sandbox, query: Record<string, string | undefined>): Promise<Reply> {
  const all: Record<string, string | undefined> = {
    client_id: sandbox.app.id,
    client_secret: sandbox.app.secret,
    ...query,
  };
  const parameters = new URLSearchParams(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return call(`${sandbox.url}/graph.facebook.com/v26.0/oauth/access_token?${parameters}`);
}

/** The value at a dotted path of a response, such as `data.0.access_token`. */
export function at(reply: Reply | unknown, path: string): unknown {
  const start = typeof reply === 'object' && reply !== null && 'json' in reply ? reply.json : reply;
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], start);
}

export function textAt(reply: Reply | unknown, path: string): string {
  const value = at(reply, path);
  if (typeof value !== 'string') throw new Error(`no text at ${path}: ${JSON.stringify(value)}`);
  return value;
}
