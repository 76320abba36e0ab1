import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type Haproxy, startHaproxy } from './haproxy.ts';
import { freePort } from './http-listener.ts';
import { openResources } from './open-resources.ts';
import { type LoadRequest, type ServiceProcess, startServiceProcess } from './rollout.ts';
import { startTestSandbox } from './test-sandbox.ts';

export interface RolloutTestContext {
  replicas: ServiceProcess[];
  haproxy: Haproxy;
  /** A lease, a Graph call, and a list. */
  requests: LoadRequest[];
  /** Stops a replica with SIGTERM, and starts its successor on its port. Returns the exit code. */
  replace(index: number): Promise<number | null>;
  close(): Promise<void>;
}

/** Three replicas on one database, behind an HAProxy, with a connection and a client. */
export function openRolloutTestContext(
  databaseUrl: string,
  environment: Readonly<Record<string, string>>,
): Promise<RolloutTestContext> {
  return openResources(async (closeLater) => {
    const sandbox = closeLater(await startTestSandbox());
    const own = { ...environment, ...sandbox.environment(), DATABASE_URL: databaseUrl };
    const replicas: ServiceProcess[] = [];
    closeLater({ close: () => Promise.all(replicas.map((each) => each.end('SIGKILL'))) });
    for (let index = 0; index < 3; index++) replicas.push(await startServiceProcess(own, await freePort()));
    const haproxy = closeLater(await startHaproxy(replicas.map(({ port }) => port)));
    const requests = await prepareRequests(haproxy.url, sandbox, environment['BOOTSTRAP_ADMIN_KEY'] ?? '');
    const replace = async (index: number): Promise<number | null> => {
      const old = replicas[index];
      if (old === undefined) throw new Error(`there is no replica ${index}`);
      const code = await old.end('SIGTERM');
      replicas[index] = await startServiceProcess(own, old.port);
      return code;
    };
    return { replicas, haproxy, requests, replace };
  });
}

async function prepareRequests(url: string, sandbox: Sandbox, adminKey: string): Promise<LoadRequest[]> {
  const { make } = sandbox.state;
  const user = make.user();
  make.page({ userIds: [user.id] });
  const { accessToken } = make.token({ userId: user.id });
  const post = async (path: string, key: string, body: object) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== 201) throw new Error(`${path} gave ${response.status}: ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  await post('/v1/connections/import', adminKey, { tenant: 'acme', product: 'pages', access_token: accessToken });
  // Rollouts may take longer than leases last by default.
  const ttl = { max_ttl_seconds: 3_600 };
  const policy = { name: 'load', role: 'service', tenants: ['*'], products: ['*'], lease_modes: ['gateway'], ...ttl };
  const { api_key: key } = (await post('/v1/clients', adminKey, policy)) as { api_key: string };
  const wanted = { tenant: 'acme', product: 'pages', mode: 'gateway' };
  const longest = { ...wanted, ttl_seconds: ttl.max_ttl_seconds };
  const { access_token: lease } = (await post('/v1/leases', key, longest)) as { access_token: string };
  return [
    { path: '/v1/leases', method: 'POST', key, body: wanted, status: 201 },
    { path: '/graph/me', method: 'GET', key: lease, status: 200 },
    { path: '/v1/connections', method: 'GET', key: adminKey, status: 200 },
  ];
}
