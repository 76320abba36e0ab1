import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import request from 'supertest';
import { SYSTEM } from '../../../src/audit/actor.ts';
import type { AuthenticatedClient } from '../../../src/auth/authenticated-client.ts';
import { generateApiKey } from '../../../src/auth/credentials/api-key.ts';
import { CurrentClient, Public, Roles, RolesWithCachedClient } from '../../../src/auth/decorators.ts';
import { ClientsService, type NewClient } from '../../../src/clients/clients.service.ts';
import { SystemRandom } from '../../../src/platform/random.ts';
import { BOOTSTRAP_KEY, startAuthApp } from '../../support/auth-app.ts';
import { type AuthTestContext, openAuthTestContext } from '../../support/auth-test-context.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';

@Controller('probe')
class Probe {
  @Get('forgotten')
  forgotten(): string {
    return 'never';
  }

  @Public()
  @Get('public')
  open(): string {
    return 'hello';
  }

  @Roles('service')
  @Get('service')
  service(@CurrentClient() client: AuthenticatedClient): object {
    return { name: client.name, tenants: client.tenants, leaseModes: client.leaseModes };
  }

  @RolesWithCachedClient('service')
  @Post('hot')
  hot(@CurrentClient() client: AuthenticatedClient): object {
    return { name: client.name };
  }
}

@Roles('admin')
@Controller('closed')
class Closed {
  @Get()
  inherited(): string {
    return 'admins';
  }

  @Roles('auditor')
  @Get('narrower')
  narrower(): string {
    return 'auditors';
  }
}

let access: AuthTestContext;
let clients: ClientsService;
const clock = new FakeClock();
const random = new SystemRandom();

beforeAll(async () => {
  access = await openAuthTestContext(clock, { controllers: [Probe, Closed], databasePatience: 1 });
  clients = access.app.get(ClientsService);
});

afterAll(() => access?.close());

const http = () => request(access.app.getHttpServer());
const get = (path: string, key?: string) => {
  const sent = http().get(path);
  return key === undefined ? sent : sent.set('Authorization', `Bearer ${key}`);
};

async function makeClient(input: Partial<NewClient> = {}): Promise<{ id: string; key: string }> {
  const policy: NewClient = { name: 'shop', role: 'service', tenants: ['acme'], products: ['ads'], ...input };
  const { client, apiKey } = await clients.create(SYSTEM, policy);
  return { id: client.id, key: apiKey.expose() };
}

async function refusals(): Promise<{ address: string; reason: string }[]> {
  const rows = await access.database.rows<{ details: { address: string; reason: string } }>({
    text: `SELECT details FROM audit_entry WHERE action = 'access.refused' AND details ->> 'address' IS NOT NULL ORDER BY id`,
  });
  return rows.map((row) => row.details);
}

async function refusedCount(reason: string): Promise<number> {
  const metric = await access.registry.getSingleMetric('metavault_access_refused_total')?.get();
  return metric?.values.find((value) => value.labels['reason'] === reason)?.value ?? 0;
}

describe('a route', () => {
  it('without an access decorator is closed to everyone, which the log reports', async () => {
    for (const key of [undefined, BOOTSTRAP_KEY, (await makeClient()).key]) {
      expect((await get('/probe/forgotten', key)).status).toBe(403);
    }
    const line = access.log.lines.find((logged) => logged['route'] === 'Probe.forgotten');
    expect(line?.['level']).toBe(50);
  });

  it('that is public needs no key and ignores an invalid one', async () => {
    expect((await get('/probe/public')).text).toBe('hello');
    expect((await get('/probe/public', 'wrong')).status).toBe(200);
  });

  it("has its controller's roles unless it has its own", async () => {
    const auditor = await makeClient({ role: 'auditor', tenants: ['*'], products: ['*'] });
    expect((await get('/closed', BOOTSTRAP_KEY)).status).toBe(200);
    expect((await get('/closed', auditor.key)).status).toBe(403);
    expect((await get('/closed/narrower', BOOTSTRAP_KEY)).status).toBe(403);
    expect((await get('/closed/narrower', auditor.key)).status).toBe(200);
  });

  it('receives the client with its policy', async () => {
    const { key } = await makeClient({ name: 'policy', leaseModes: ['token'] });
    const response = await get('/probe/service', key);
    expect(response.body).toEqual({ name: 'policy', tenants: ['acme'], leaseModes: ['token'] });
  });

  it('checks the role before the input', async () => {
    const { key } = await makeClient();
    const response = await http().post('/v1/clients').set('Authorization', `Bearer ${key}`).send({ nonsense: true });
    expect(response.status).toBe(403);
    expect(response.body).toMatchObject({ code: 'forbidden' });
  });
});

describe('401', () => {
  it('has a challenge and problem+json, whatever is wrong', async () => {
    const { key } = await makeClient();
    const wrong = generateApiKey(random).expose();
    for (const header of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Basic ${key}`,
      key,
      `Bearer ${wrong}`,
      `Bearer ${key} x`,
    ]) {
      const sent = http().get('/probe/service');
      const response = await (header === undefined ? sent : sent.set('Authorization', header));
      expect([header, response.status]).toEqual([header, 401]);
      expect(response.headers['www-authenticate']).toBe('Bearer');
      expect(response.headers['content-type']).toContain('application/problem+json');
      expect(response.body).toMatchObject({ code: 'unauthenticated', status: 401, remedy: expect.any(String) });
      expect(JSON.stringify(response.body)).not.toContain(wrong);
    }
  });

  it('does not wait for a locked audit record', async () => {
    // Starts a new window, so that there is an entry to write.
    clock.advance(3600);
    await access.database.transaction(async (tx) => {
      await tx.run({ text: 'LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE' });
      const began = performance.now();
      expect((await get('/probe/service', 'mtv_mistyped')).status).toBe(401);
      // Other statements wait for 15 seconds.
      expect(performance.now() - began).toBeLessThan(10_000);
    });
    expect(access.log.text()).toContain('could not record a refusal');
  });

  it('does not depend on the case of the scheme', async () => {
    const { key } = await makeClient();
    expect((await http().get('/probe/service').set('Authorization', `bearer ${key}`)).status).toBe(200);
  });

  it('rejects keys of deleted clients at once', async () => {
    const { id, key } = await makeClient();
    expect((await get('/probe/service', key)).status).toBe(200);
    await clients.delete(SYSTEM, id);
    expect((await get('/probe/service', key)).status).toBe(401);
  });

  it('rejects a replaced key only when its grace period is over', async () => {
    const { id, key } = await makeClient();
    const { apiKey } = await clients.issueKey(SYSTEM, id, 60);
    clock.advance(59);
    expect((await get('/probe/service', key)).status).toBe(200);
    clock.advance(1);
    expect((await get('/probe/service', key)).status).toBe(401);
    expect((await get('/probe/service', apiKey.expose())).status).toBe(200);
  });
});

describe('the cache of the hottest route', () => {
  const post = (key: string) => http().post('/probe/hot').set('Authorization', `Bearer ${key}`);

  it('expires after 5 seconds and is used by no other route', async () => {
    const { id, key } = await makeClient();
    expect((await post(key)).status).toBe(201);
    await clients.delete(SYSTEM, id);
    expect((await post(key)).status).toBe(201);
    expect((await get('/probe/service', key)).status).toBe(401);
    clock.advance(5.001);
    expect((await post(key)).status).toBe(401);
  });

  it('does not extend a key past its expiry', async () => {
    const { id, key } = await makeClient();
    await clients.issueKey(SYSTEM, id, 2);
    expect((await post(key)).status).toBe(201);
    clock.advance(2);
    expect((await post(key)).status).toBe(401);
  });
});

describe('a limit of requests per second', () => {
  it('applies only to its client', async () => {
    const limited = await makeClient({ rateLimitPerSecond: 3 });
    const other = await makeClient();
    const responses = await Promise.all(Array.from({ length: 8 }, () => get('/probe/service', limited.key)));
    const over = responses.filter((response) => response.status === 429);
    expect(responses.filter((response) => response.status === 200).length).toBeGreaterThanOrEqual(3);
    expect(over.length).toBeGreaterThanOrEqual(2);
    expect(over[0]?.headers['retry-after']).toBe('1');
    const headersOf = (response: request.Response | undefined) => [
      response?.headers['ratelimit-policy'],
      response?.headers['ratelimit'],
    ];
    expect(headersOf(over[0])).toEqual(['"client";q=3;w=1', '"client";r=0;t=1']);
    const remaining = responses.map((response) => headersOf(response)[1]);
    expect(remaining).toEqual(expect.arrayContaining(['"client";r=2;t=1', '"client";r=1;t=1', '"client";r=0;t=1']));
    expect(over[0]?.body).toMatchObject({ code: 'rate_limited' });
    const others = await Promise.all(Array.from({ length: 8 }, () => get('/probe/service', other.key)));
    expect(others.every((response) => response.status === 200)).toBe(true);
    expect(headersOf(others[0])).toEqual([undefined, undefined]);
    await until(async () => (await get('/probe/service', limited.key)).status === 200);
  });
});

describe('invalid keys from one address', () => {
  it('get 429 from the eleventh on, while a valid key passes, and a flood becomes one entry', async () => {
    // Later than all other entries, and in a new application, where the address has no history.
    clock.advance(1);
    const fresh = await startAuthApp(access.database, clock, { controllers: [Probe] });
    try {
      const before = (await refusals()).length;
      const server = fresh.app.getHttpServer();
      const attempt = (key: string) => request(server).get('/probe/service').set('Authorization', `Bearer ${key}`);
      const statuses: number[] = [];
      for (let count = 0; count < 12; count++) {
        statuses.push((await attempt(count % 2 === 0 ? generateApiKey(random).expose() : 'mtv_mistyped')).status);
      }
      expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
      const blocked = await attempt(generateApiKey(random).expose());
      expect(blocked.body).toMatchObject({ code: 'too_many_attempts' });
      expect(Number(blocked.headers['retry-after'])).toBeGreaterThan(0);
      expect(blocked.headers['www-authenticate']).toBeUndefined();
      expect((await attempt((await makeClient()).key)).status).toBe(200);
      expect((await request(server).get('/probe/service')).status).toBe(401);
      expect((await refusals()).slice(before)).toEqual([{ address: '127.0.0.1', reason: 'unknown_key' }]);
    } finally {
      await fresh.app.close();
    }
  });

  it('are counted by reason, and never appear in the record or the log', async () => {
    const wrong = generateApiKey(random).expose();
    const malformed = await refusedCount('malformed_key');
    const blocked = await refusedCount('too_many_attempts');
    await get('/probe/service', 'short');
    expect((await refusedCount('malformed_key')) + (await refusedCount('too_many_attempts'))).toBe(
      malformed + blocked + 1,
    );
    await get('/probe/service', wrong);
    const [row] = await access.database.rows<{ found: boolean }>({
      text: 'SELECT EXISTS (SELECT 1 FROM audit_entry WHERE details::text LIKE $1) AS found',
      values: [`%${wrong.slice(4, 20)}%`],
    });
    expect(row?.found).toBe(false);
    expect(access.log.text()).not.toContain(wrong);
  });

  it('that are malformed cost the database nothing but one entry', async () => {
    const fresh = await startAuthApp(access.database, clock, { controllers: [Probe] });
    const statements: string[] = [];
    const original = access.database.rows.bind(access.database);
    Object.assign(access.database, {
      rows: (statement: { text: string }) => {
        statements.push(statement.text);
        return original(statement);
      },
    });
    try {
      const changed = generateApiKey(random)
        .expose()
        .replace(/.$/, (last) => (last === '0' ? '1' : '0'));
      for (const key of ['short', 'mtv_', changed]) {
        await request(fresh.app.getHttpServer())
          .get('/probe/service')
          .set('Authorization', `Bearer ${key}`)
          .expect(401);
      }
      expect(statements).toEqual([]);
      await request(fresh.app.getHttpServer())
        .get('/probe/service')
        .set('Authorization', `Bearer ${generateApiKey(random).expose()}`);
      expect(statements).toHaveLength(1);
    } finally {
      Reflect.deleteProperty(access.database, 'rows');
      await fresh.app.close();
    }
  });
});
