import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import request from 'supertest';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  connectionAt,
  createServiceClient,
} from './connect-test-context.ts';
import { until } from './until.ts';

/** Kinds of requests, which are sent in parallel, each over and over. */
const LOAD_KINDS = [
  'lease',
  'end lease',
  'call',
  'refresh',
  'revoke',
  'create client',
  'delete client',
  'session',
] as const;
type LoadKind = (typeof LOAD_KINDS)[number];

interface Answer {
  kind: LoadKind;
  status: number;
  code: unknown;
  durability: string | undefined;
  /** Of this process. */
  atMs: number;
  /** What was created or ended. */
  id: string;
}

export interface FailoverLoad {
  answers: Answer[];
  /** Waits until there are `count` more good answers of each kind from now on. */
  served(count: number): Promise<void>;
  stop(): Promise<void>;
}

const isGood = ({ status }: Answer): boolean => status < 300;

/** Makes connections of `count` tenants, `t0` and so on. Returns their ids. */
export async function connectTenants(context: ConnectTestContext, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++)
    ids.push((await connectionAt(context, await completeConnect(context, { tenant: `t${i}` }))).id);
  return ids;
}

/** The first connection is leased, called and refreshed; the others are revoked, one after the other. */
export async function startLoad(
  context: ConnectTestContext,
  [served = '', ...toRevoke]: string[],
): Promise<FailoverLoad> {
  const service = await createServiceClient(context);
  const answers: Answer[] = [];
  let isStopped = false;
  const take = (kind: LoadKind, { status, body, headers }: request.Response, id = ''): boolean => {
    const code = body?.code ?? body?.error?.error_data?.code;
    answers.push({ kind, status, code, durability: headers['durability'], atMs: performance.now(), id });
    return status < 300;
  };
  const lease = (): request.Test => api(context, service.key).post('/v1/leases', { tenant: 't0', product: 'pages' });
  const token = (await lease()).body.access_token as string;
  const client = { name: 'of the load', role: 'service', tenants: ['t0'], products: ['pages'] };
  const leases: string[] = [];
  const clients: string[] = [];
  const steps: Record<LoadKind, () => Promise<boolean | null>> = {
    lease: async () => {
      const answer = await lease();
      if (answer.status === 201) leases.push(answer.body.lease_id);
      return take('lease', answer, answer.body.lease_id);
    },
    'end lease': async () => {
      const id = leases.at(-1);
      if (id === undefined) return null;
      leases.pop();
      return take('end lease', await api(context, service.key).delete(`/v1/leases/${id}`), id);
    },
    call: async () => {
      const server = context.replica.app.getHttpServer();
      return take('call', await request(server).get('/graph/me').set('Authorization', `Bearer ${token}`));
    },
    refresh: async () => take('refresh', await api(context).post(`/v1/connections/${served}/refresh`, {}), served),
    revoke: async () => {
      const id = toRevoke[0];
      if (id === undefined) return null;
      const isDone = take('revoke', await api(context).delete(`/v1/connections/${id}`), id);
      // The last one stays, so that it can be asked for again.
      if (isDone && toRevoke.length > 1) toRevoke.shift();
      return isDone;
    },
    'create client': async () => {
      const answer = await api(context).post('/v1/clients', client);
      if (answer.status === 201) clients.push(answer.body.id);
      return take('create client', answer, answer.body.id);
    },
    'delete client': async () => {
      const id = clients.at(-1);
      if (id === undefined) return null;
      clients.pop();
      return take('delete client', await api(context).delete(`/v1/clients/${id}`), id);
    },
    session: async () => {
      const asked = { tenant: 't0', product: 'pages', flow: 'facebook_login' };
      const answer = await api(context).post('/v1/connect-sessions', asked);
      return take('session', answer, answer.body.id);
    },
  };
  const loops = LOAD_KINDS.map(async (kind) => {
    // Without a pause, the load would use up the machine and starve the servers that it tests.
    while (!isStopped) await sleep((await steps[kind]()) === true ? 10 : 20);
  });
  return {
    answers,
    served: async (count) => {
      const from = answers.length;
      const missing = (): LoadKind[] => {
        const good = answers.slice(from).filter(isGood);
        return LOAD_KINDS.filter((kind) => good.filter((answer) => answer.kind === kind).length < count);
      };
      await until(missing, (kinds) => kinds.length === 0, 60_000);
    },
    stop: async () => {
      isStopped = true;
      await Promise.all(loops);
    },
  };
}

export interface LostWrites {
  /** Leases, clients, and sessions whose creation was answered, but which are missing. */
  made: string[];
  /** Leases, clients, and connections whose end was answered, but which are still there. */
  ended: string[];
}

/** Compares what was answered with what the database has. */
export async function findLostWrites(databaseUrl: string, { answers }: FailoverLoad): Promise<LostWrites> {
  const idsOf = (...kinds: LoadKind[]): string[] =>
    answers.filter((answer) => isGood(answer) && kinds.includes(answer.kind)).map(({ id }) => id);
  const reader = new pg.Client({ connectionString: databaseUrl });
  await reader.connect();
  const idsIn = async (text: string): Promise<Set<string>> =>
    new Set((await reader.query<{ id: string }>(text)).rows.map(({ id }) => id));
  try {
    const made = await idsIn('SELECT id FROM lease UNION SELECT id FROM client UNION SELECT id FROM connect_session');
    const live =
      await idsIn(`SELECT id FROM lease WHERE ended_at IS NULL UNION SELECT id FROM client WHERE deleted_at IS NULL
      UNION SELECT id FROM connection WHERE status <> 'revoked'`);
    return {
      made: idsOf('lease', 'create client', 'session').filter((id) => !made.has(id)),
      ended: idsOf('end lease', 'delete client', 'revoke').filter((id) => live.has(id)),
    };
  } finally {
    await reader.end();
  }
}
