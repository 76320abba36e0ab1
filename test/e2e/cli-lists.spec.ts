import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import type { LeaseResponse } from '../../src/leases/lease-response.dto.ts';
import { type CliTestContext, openCliTestContext } from '../support/cli-test-context.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { listen } from '../support/http-listener.ts';
import { startTestReplica } from '../support/test-replica.ts';

let context: CliTestContext;
/** The connections of the tenants first and second. */
let first: ConnectionResponse;
let second: ConnectionResponse;

const listed = async (...args: string[]): Promise<ConnectionResponse[]> =>
  (await context.json<{ data: ConnectionResponse[] }>('connections', 'list', ...args)).data;

beforeAll(async () => {
  context = await openCliTestContext();
  const rows = [
    'tenant,product,access_token,reference,metadata.plan,metadata.region',
    `first,pages,${context.createUserToken()},shop-1,pro,`,
    `second,pages,${context.createUserToken()},,,`,
  ];
  expect(await context.run('import', context.file('rows.csv', rows.join('\n')))).toMatchObject({ code: 0 });
  // Rows are imported in parallel, so the order of their ids is not that of the file.
  const byTenant = Object.fromEntries((await listed()).map((connection) => [connection.tenant, connection]));
  [first, second] = [byTenant['first'], byTenant['second']] as [ConnectionResponse, ConnectionResponse];
});
afterAll(() => context?.close());

describe('metavault connections', () => {
  it('are imported with reference and metadata', () => {
    expect(first).toMatchObject({ tenant: 'first', reference: 'shop-1', metadata: { plan: 'pro' } });
    expect(second).toMatchObject({ tenant: 'second', reference: null, metadata: {} });
  });

  it('are listed by health, by what expires, by asset, and by reference', async () => {
    const [credential] = first.credentials;
    const ids = async (...args: string[]) => (await listed(...args)).map(({ id }) => id);
    await context.sql.query(`UPDATE credential SET health = 'expiring' WHERE connection_id = $1`, [second.id]);
    await context.sql.query(
      `INSERT INTO asset (connection_id, type, id, name, credential_id) VALUES ($1, 'page', '4711', 'Shop', $2)`,
      [first.id, credential?.id],
    );
    expect(await ids('--health', 'expiring')).toEqual([second.id]);
    expect(await ids('--asset', '4711')).toEqual([first.id]);
    expect(await ids('--reference', 'shop-1')).toEqual([first.id]);
    expect(await ids('--expires-before', '2020-01-01T00:00:00Z')).toEqual([]);
    expect(await ids('--expires-before', '2100-01-01T00:00:00Z')).toEqual([first.id, second.id].sort());
    expect(await ids('--expires-before', '2100-01-01T00:00:00Z', '--health', 'healthy')).toEqual([first.id]);
  });

  it('are described: what is not named stays', async () => {
    const update = (...args: string[]) => context.json<ConnectionResponse>('connections', 'update', second.id, ...args);
    const set = ['--reference', 'shop-2', '--metadata', 'plan=free', 'note=a=b'];
    expect(await update(...set)).toMatchObject({ reference: 'shop-2', metadata: { plan: 'free', note: 'a=b' } });
    expect(await update('--no-reference', '--remove-metadata', 'plan')).toMatchObject({
      reference: null,
      metadata: { note: 'a=b' },
    });
    const { rows } = await context.sql.query(
      `SELECT actor_kind, details FROM audit_entry WHERE action = 'connection.described' ORDER BY id`,
    );
    const entry = { actor_kind: 'operator', details: { changed: ['reference', 'metadata'] } };
    expect(rows).toEqual([entry, entry]);
  });

  it('fail if a credential does that the answer of a large connection leaves out', async () => {
    await context.sql.query(
      `UPDATE credential SET failure = '{"code":"throttled","attempts":1,"next_attempt_at":null}' WHERE connection_id = $1`,
      [first.id],
    );
    const credentials = first.credentials.map((each) => ({ ...each, failure: null }));
    const answer = { ...first, status_reason: null, credentials, credentials_count: credentials.length + 1 };
    const service = await listen((_, response) => response.end(JSON.stringify(answer)));
    try {
      const checked = await context.run('connections', 'check', first.id, '--url', service.url);
      expect(checked).toMatchObject({
        code: 1,
        out: expect.stringMatching(new RegExp(`${first.id} .* throttled$`, 'm')),
      });
    } finally {
      await service.close();
      await context.sql.query('UPDATE credential SET failure = NULL WHERE connection_id = $1', [first.id]);
    }
  });
});

it('metavault leases list shows the leases of all clients, filtered, newest first', async () => {
  const replica = await startTestReplica({ databaseUrl: context.databaseUrl, environment: context.environment });
  const clients = [await createServiceClient({ replica }), await createServiceClient({ replica })] as const;
  const issue = async ({ key }: { key: string }, { tenant }: ConnectionResponse): Promise<string> =>
    (await api({ replica }, key).post('/v1/leases', { tenant, product: 'pages' })).body.lease_id;
  const oldest = await issue(clients[0], first);
  const ended = await issue(clients[1], first);
  const newest = await issue(clients[1], second);
  expect((await api({ replica }).delete(`/v1/leases/${ended}`)).status).toBe(204);
  await replica.close();
  const leases = async (...args: string[]) =>
    (await context.json<{ data: LeaseResponse[] }>('leases', 'list', ...args)).data.map(({ lease_id }) => lease_id);
  expect(await leases()).toEqual([newest, ended, oldest]);
  expect(await leases('--limit', '1')).toEqual([newest]);
  expect(await leases('--client', clients[1].id, '--status', 'active')).toEqual([newest]);
  expect(await leases('--connection', first.id)).toEqual([ended, oldest]);
  const { out } = await context.run('leases', 'list', '--status', 'ended');
  expect(out).toMatch(new RegExp(`^ID +STATUS .*\\n${ended} +ended +first +pages +${first.id} +${clients[1].id}`));
  expect(out).not.toContain('mtl_');
});
