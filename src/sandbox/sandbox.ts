import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { handleRequest } from './request-handler.ts';
import { defaultApp, type SandboxApp, seedApps, seedConfiguration, seedIds } from './state/default-seed.ts';
import { RandomPool } from './state/random-pool.ts';
import { SandboxState } from './state/sandbox-state.ts';
import type { SandboxStore } from './state/sandbox-store.ts';
import { StateFile } from './state/state-file.ts';

export interface SandboxOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Milliseconds since 1970. */
  now: () => number;
  randomBytes: (size: number) => Buffer;
  /** The URL for browsers and links; default http://host:port. */
  publicUrl?: string;
  /** File to load the state from and save it to. */
  stateFile?: string;
  app?: Partial<SandboxApp>;
}

export interface Sandbox {
  url: string;
  port: number;
  app: SandboxApp;
  /** Environment variables that point the service at this sandbox. */
  environment(): Record<string, string>;
  state: SandboxState;
  close(): Promise<void>;
}

/**
 * Starts the sandbox, a fake Meta: each of Meta's hosts is a path with the host's name, and `/__sandbox` is the control
 * API. It behaves as docs/meta-facts.md says, and refuses what Meta refuses.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const app = { ...defaultApp, ...options.app };
  const random = new RandomPool(options.randomBytes);
  const state = new SandboxState(options.now, (size) => random.take(size), app);
  const file = options.stateFile === undefined ? null : new StateFile(options.stateFile, state.store);
  if ((await file?.load()) === true) seedMissing(state.store, app);
  if (file !== null) {
    state.store.onChange = () => file.schedule();
    file.schedule();
  }
  const server = createServer((request, response) => {
    handleRequest(state, request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy();
      response.writeHead(500, { 'Content-Type': 'text/plain' });
      response.end(`Sandbox fault: ${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  // Clients keep idle connections. Closing them first would cause races that Meta does not have.
  server.keepAliveTimeout = 65_000;
  const host = options.host ?? '127.0.0.1';
  const port = await listen(server, options.port ?? 0, host);
  const url = options.publicUrl?.replace(/\/+$/, '') ?? `http://${host}:${port}`;
  state.publicUrl = url;
  return { url, port, app, state, environment: () => environmentOf(url, app), close: () => close(server, state, file) };
}

/** Adds what a state saved for other app ids, or by an older sandbox, lacks. */
function seedMissing(store: SandboxStore, app: SandboxApp): void {
  const known = store.apps.get(app.id);
  if (known === undefined) seedApps(store, app);
  else seedConfiguration(known);
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function close(server: Server, state: SandboxState, file: StateFile | null): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
  await state.callbacks.waitForPending();
  await file?.close();
}

function environmentOf(url: string, app: SandboxApp): Record<string, string> {
  return {
    META_APP_ID: app.id,
    META_APP_SECRET: app.secret,
    INSTAGRAM_APP_ID: app.instagramAppId,
    INSTAGRAM_APP_SECRET: app.instagramAppSecret,
    THREADS_APP_ID: app.threadsAppId,
    THREADS_APP_SECRET: app.threadsAppSecret,
    META_LOGIN_CONFIG_ID_WHATSAPP: seedIds.signupConfiguration,
    META_GRAPH_URL: `${url}/graph.facebook.com`,
    META_GRAPH_VIDEO_URL: `${url}/graph-video.facebook.com`,
    META_RUPLOAD_URL: `${url}/rupload.facebook.com`,
    META_DIALOG_URL: `${url}/www.facebook.com`,
    INSTAGRAM_GRAPH_URL: `${url}/graph.instagram.com`,
    INSTAGRAM_API_URL: `${url}/api.instagram.com`,
    INSTAGRAM_DIALOG_URL: `${url}/www.instagram.com`,
    THREADS_GRAPH_URL: `${url}/graph.threads.net`,
    THREADS_DIALOG_URL: `${url}/www.threads.com`,
  };
}
