import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import {
  type GatewayTestContext,
  type ImportedToken,
  type Lease,
  META_TOKEN_FORM,
  openGatewayTestContext,
} from '../support/gateway-test-context.ts';
import { until } from '../support/until.ts';

let context: GatewayTestContext;

beforeAll(async () => {
  context = await openGatewayTestContext();
});
afterAll(() => context.close());

interface Response {
  status: number;
  body: { id?: string; error?: Record<string, unknown> };
  /** The connection it arrived on, by the client's port. */
  port: number;
}

/** A client that keeps one connection to a replica, as SDKs do. */
class GraphClient {
  readonly agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  get(path = '/graph/me'): Promise<Response> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${this.token}` };
      const request = http.get(this.url + path, { agent: this.agent, headers }, (response) => {
        const port = response.socket.localPort ?? 0;
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          expect(text).not.toMatch(META_TOKEN_FORM);
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text), port });
        });
      });
      request.on('error', reject);
    });
  }
}

const clients = ({ access_token }: Lease) =>
  [context.url, context.secondUrl].map((url) => new GraphClient(url, access_token));
const fingerprint = () => context.sandbox.state.log.list().at(-1)?.fingerprint;

async function held(): Promise<{ metaUser: ImportedToken; lease: Lease; both: GraphClient[]; ports: number[] }> {
  const metaUser = await context.metaUser('pages', 'user');
  const lease = await context.lease('pages', { connection_id: metaUser.connectionId });
  const both = clients(lease);
  const first = await Promise.all(both.map((client) => client.get()));
  expect(first.map(({ status }) => status)).toEqual([200, 200]);
  return { metaUser, lease, both, ports: first.map(({ port }) => port) };
}

describe('the next call on any replica, on a kept-alive connection', () => {
  const endings: [
    string,
    (of: { metaUser: ImportedToken; lease: Lease; key: string; clientId: string }) => Promise<unknown>,
  ][] = [
    ['its lease ended', ({ lease, key }) => api(context, key).delete(`/v1/leases/${lease.lease_id}`).expect(204)],
    ['its connection revoked', ({ metaUser }) => api(context).delete(`/v1/connections/${metaUser.connectionId}`)],
    ['its client deleted', ({ clientId }) => api(context).delete(`/v1/clients/${clientId}`)],
  ];

  it.each(endings)('is refused with %s', async (_, end) => {
    const metaUser = await context.metaUser('pages', 'user');
    const { id: clientId, key } = await createServiceClient(context, { tenants: ['acme'], products: ['pages'] });
    const taken = await api(context, key).post('/v1/leases', {
      tenant: 'acme',
      product: 'pages',
      connection_id: metaUser.connectionId,
    });
    const lease = taken.body as Lease;
    const both = clients(lease);
    for (const client of both) expect((await client.get()).status).toBe(200);
    await end({ metaUser, lease, key, clientId });
    const after = await Promise.all(both.map((client) => client.get()));
    for (const response of after) {
      expect(response.status).toBe(401);
      expect(response.body.error).toMatchObject({ code: 190, error_data: { code: 'lease_invalid' } });
    }
  });

  it('is refused once the lease has expired', async () => {
    const { both } = await held();
    context.clock.advance(900);
    for (const client of both) expect((await client.get()).status).toBe(401);
  });

  it('uses the new token if the credential was replaced', async () => {
    const { metaUser, both, ports } = await held();
    const before = fingerprint();
    await context.importToken('pages', { userId: metaUser.userId });
    for (const [index, client] of both.entries()) {
      const response = await client.get();
      expect([response.status, response.body.id, response.port]).toEqual([200, metaUser.userId, ports[index]]);
      expect(fingerprint()).not.toBe(before);
    }
  });
});

describe('a running upload', () => {
  it.each(['lease', 'connection'])('is cut off on another replica when its %s ends', async (what) => {
    const { metaUser, lease } = await held();
    const uploaded = new Promise<string>((resolve) => {
      const request = http.request(`${context.secondUrl}/rupload/ig-api-upload/v26.0/1`, {
        method: 'POST',
        headers: { authorization: `OAuth ${lease.access_token}`, offset: '0', 'content-length': 500_000_000 },
      });
      const send = setInterval(() => request.write(Buffer.alloc(10_000)), 20);
      const over = (how: string): void => {
        clearInterval(send);
        request.destroy();
        resolve(how);
      };
      request.on('error', () => over('cut'));
      request.on('response', (response) => over(String(response.statusCode)));
    });
    await until(async () => (await metricsOfSecond()).includes('metavault_gateway_calls{state="running"} 1'));
    await (what === 'lease'
      ? api(context, context.serviceKey).delete(`/v1/leases/${lease.lease_id}`)
      : api(context).delete(`/v1/connections/${metaUser.connectionId}`));
    expect(['cut', '401']).toContain(await uploaded);
    await until(async () => (await metricsOfSecond()).includes('metavault_gateway_calls{state="running"} 0'));
  });
});

async function metricsOfSecond(): Promise<string> {
  const response = await fetch(`${context.secondUrl}/metrics`);
  return response.text();
}

describe('a 190 from Meta', () => {
  const inspections = () => context.sandbox.state.log.list().filter(({ path }) => path.endsWith('/debug_token')).length;

  it('is confirmed once for all clients, and ends the connection on all replicas', async () => {
    const { metaUser, both, lease } = await held();
    const crowd = Array.from({ length: 20 }, () => new GraphClient(context.url, lease.access_token));
    context.sandbox.state.log.clear();
    context.sandbox.state.invalidateToken(metaUser.accessToken, 460);
    const responses = await Promise.all(crowd.map((client) => client.get()));
    for (const { status, body } of responses) {
      // Meta's error for calls that reached Meta, ours for calls after it was known.
      expect([`${status} 460`, '401 undefined']).toContain(`${status} ${String(body.error?.['error_subcode'])}`);
    }
    expect(responses.some(({ status }) => status === 400)).toBe(true);
    await until(async () => (await context.connection(metaUser.connectionId)).status === 'reauth_required');
    expect(inspections()).toBe(1);
    for (const client of both) expect((await client.get()).status).toBe(401);
    expect((await context.connection(metaUser.connectionId)).status_reason).toBeDefined();
  });

  it('unrelated to the token changes nothing, and asks nobody', async () => {
    const { metaUser, both } = await held();
    context.sandbox.state.log.clear();
    for (const client of both) {
      const response = await client.get('/graph/me?fields=client_business_id');
      expect([response.status, response.body.error?.['code']]).toEqual([400, 190]);
    }
    for (const client of both) expect((await client.get()).status).toBe(200);
    expect(inspections()).toBe(0);
    expect((await context.connection(metaUser.connectionId)).status).toBe('active');
  });

  it('that inspection does not confirm changes nothing', async () => {
    const { metaUser, both } = await held();
    context.sandbox.state.log.clear();
    context.fault({ kind: 'graph_error', code: 190, subcode: 460, message: 'not so' }, { pathPattern: '/me$' });
    const response = await both[0]?.get();
    expect(response?.body.error).toMatchObject({ code: 190, error_subcode: 460 });
    await until(() => inspections() === 1);
    for (const client of both) expect((await client.get()).status).toBe(200);
    expect((await context.connection(metaUser.connectionId)).status).toBe('active');
  });
});

afterAll(() => {
  expect(context.log.text()).not.toMatch(META_TOKEN_FORM);
  expect(context.log.text()).not.toMatch(/mtl_[a-z0-9]{20}/);
});
