import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROTECTED_SESSIONS } from '../../../src/connect/protected-sessions.repository.ts';
import { Database } from '../../../src/database/database.ts';
import { giveMacsToRows } from '../../../src/database/protected-table.ts';
import { RowMac } from '../../../src/database/row-mac.ts';
import { PROTECTED_SUBSCRIPTIONS } from '../../../src/events/subscriptions/protected-subscriptions.repository.ts';
import { PrivacyRequestService } from '../../../src/webhooks/privacy-requests/privacy-request.service.ts';
import { PrivacyRequestProcessor } from '../../../src/webhooks/privacy-requests/privacy-request-processor.ts';
import { PROTECTED_PRIVACY_REQUESTS } from '../../../src/webhooks/privacy-requests/protected-privacy-requests.repository.ts';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../../support/connect-test-context.ts';

const TABLES = [PROTECTED_SESSIONS, PROTECTED_SUBSCRIPTIONS, PROTECTED_PRIVACY_REQUESTS];

let context: ConnectTestContext;
beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context?.close());

const rows = <R extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
  context.replica.app.get(Database).rows<R>({ text, values });
const macsOf = async (table: string) =>
  (await rows<{ id: string; mac: Buffer | null }>(`SELECT id, mac FROM ${table} ORDER BY id`)).map(({ id, mac }) => [
    id,
    mac?.toString('hex') ?? null,
  ]);

async function writeRows(): Promise<{ connectUrl: string; subscriptionId: string; code: string }> {
  await completeConnect(context);
  const { connect_url: connectUrl } = await createSession(context, {
    tenant_name: 'Ärzte "4" Acme',
    confirm: true,
    expected: { meta_user_id: '1', business_id: '2' },
  });
  await createSession(context, { product: 'whatsapp', flow: 'embedded_signup', features: ['marketing_messages_lite'] });
  const call = api(context);
  const of = { url: 'https://subscriber.example/hooks', events: ['connection.revoked', 'connection.created'] };
  const { body } = await call.post('/v1/subscriptions', { ...of, tenants: ['b', 'a'], products: ['pages'] });
  await call.post('/v1/subscriptions', of);
  await call.post(`/v1/subscriptions/${body.id}/pause`, {});
  const requests = context.replica.app.get(PrivacyRequestService);
  const accept = (metaUserId: string) =>
    requests.accept({
      kind: 'data_deletion',
      payload: metaUserId,
      apps: { appIds: ['1', '2'], fallbackAppIds: [] },
      metaUserId,
      issuedAt: metaUserId === '1' ? null : context.clock.now(),
      requestId: 'req_1',
    });
  await accept('1');
  const completed = await accept('2');
  await context.replica.app.get(PrivacyRequestProcessor).execute(completed);
  return { connectUrl, subscriptionId: String(body.id), code: completed.confirmationCode ?? '' };
}

describe('rows of an earlier release', () => {
  it('get the MACs that the service itself writes, and are there again', async () => {
    const { connectUrl, subscriptionId, code } = await writeRows();
    const look = async () => [
      (await new TestBrowser(context).get(connectUrl, { Accept: 'text/html' })).status,
      (await api(context).get(`/v1/subscriptions/${subscriptionId}`)).status,
      (await api(context).get(`/data-deletion/${code}`).set('Accept', 'application/json')).status,
    ];
    expect(await look()).toEqual([200, 200, 200]);
    const readAll = () => Promise.all(TABLES.map(({ table }) => macsOf(table)));
    const written = await readAll();
    expect(written.map(({ length }) => length > 1)).toEqual([true, true, true]);
    for (const { table } of TABLES) await rows(`UPDATE ${table} SET mac = NULL`);
    expect(await look()).toEqual([410, 404, 404]);
    const mac = context.replica.app.get(RowMac);
    for (const protectedTable of TABLES) {
      await giveMacsToRows(context.replica.app.get(Database), mac, protectedTable, {
        replacesUnfit: false,
        now: context.clock.now(),
        guard: () => Promise.resolve(true),
      });
    }
    expect(await readAll()).toEqual(written);
    expect(await look()).toEqual([200, 200, 200]);
  });

  it('are done in batches, and once only', async () => {
    await createSession(context);
    await rows(`INSERT INTO connect_session (id, token_hash, tenant, product, flow, scopes, client_id, created_at, expires_at)
      SELECT 'cns_old_' || n, sha256(n::text::bytea), 'old', product, flow, scopes, client_id, created_at, expires_at
      FROM generate_series(1, 1100) n, (SELECT * FROM connect_session LIMIT 1) s`);
    const mac = context.replica.app.get(RowMac);
    const give = () =>
      giveMacsToRows(context.replica.app.get(Database), mac, PROTECTED_SESSIONS, {
        replacesUnfit: false,
        now: context.clock.now(),
        guard: () => Promise.resolve(true),
      });
    const given = (await Promise.all([give(), give()])).flat();
    expect([given.length, new Set(given).size]).toEqual([1100, 1100]);
    expect((await macsOf('connect_session')).filter(([, value]) => value === null)).toEqual([]);
    expect(await give()).toEqual([]);
  });
});
