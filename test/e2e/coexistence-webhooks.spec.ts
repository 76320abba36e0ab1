import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { ImmediateInspectionService } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { hubSignature } from '../../src/sandbox/state/callback-sender.ts';
import { COEXISTENCE_CHANGES } from '../support/coexistence-webhooks.ts';
import { api, createSession } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';

const BUSINESS = '300000000000401';
const PARTNER = '2949482758682047';
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const FINISHED = 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING';
let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterEach(() => {
  context.sandbox.state.faults.clear();
  // Every event of these tests is unique.
  context.clock.advance(120);
});
afterAll(() => context?.close());

interface Customer {
  userId: string;
  wabas: string[];
  numbers: string[];
}

function customer(accounts = 1): Customer {
  const { make } = context.sandbox.state;
  const wabas = Array.from({ length: accounts }, () => make.waba({ businessId: BUSINESS }).id);
  const numbers = wabas.map((wabaId) => make.phone({ wabaId }).id);
  return { userId: make.user({ kind: 'system_user', businessId: BUSINESS }).id, wabas, numbers };
}

async function connect(
  { userId, wabas, numbers }: Customer,
  { event = FINISHED, tenant = 'acme' }: { event?: string; tenant?: string } = {},
): Promise<ConnectionResponse> {
  // Meta doesn't mention the app.
  for (const [index, waba] of wabas.entries()) {
    const body = { data: [{ id: numbers[index] }] };
    context.fault({ kind: 'status', status: 200, body }, { method: 'GET', pathPattern: `/${waba}/phone_numbers$` });
  }
  const targets = { whatsapp_business_management: wabas };
  const code = context.sandbox.state.make.code({ userId, fromSdk: true, expiresIn: null, scopes: SCOPES, targets });
  const { id } = await createSession(context, { tenant, product: 'whatsapp', flow: 'embedded_signup' });
  const response = await api(context).post(`/v1/connect-sessions/${id}/complete`, { code, event });
  if (response.status !== 201) throw new Error(`${response.status} ${response.text}`);
  return response.body as ConnectionResponse;
}

async function deliver(entry: object, secret = context.sandbox.app.secret): Promise<void> {
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] });
  await request(context.replica.app.getHttpServer())
    .post('/webhooks/meta')
    .type('json')
    .set('X-Hub-Signature-256', hubSignature(secret, body))
    .send(body)
    .expect(200);
  await context.replica.app.get(ImmediateInspectionService).whenIdle();
}

const seconds = (): number => Math.floor(context.clock.now().getTime() / 1000);
/** `secondsAgo` null: Meta gives no time. */
const removed = (wabaId: string, secondsAgo: number | null = 0, more: object = {}) => ({
  id: PARTNER,
  ...(secondsAgo === null ? {} : { time: seconds() - secondsAgo }),
  changes: [{ field: 'account_update', value: { event: 'PARTNER_REMOVED', waba_info: { waba_id: wabaId }, ...more } }],
});
const first = (ids: string[]): string => ids[0] ?? '';
const eventsOf = async (type: string, { id }: ConnectionResponse) =>
  (await context.events(type)).filter((data) => data['connection_id'] === id);

describe('an account whose owner leaves in the WhatsApp Business app', () => {
  it.each([
    ['at once', 0],
    ['on different clocks', 60],
    ['at a time Meta does not give', null],
  ])("is removed on Meta's word, even if its token still reaches it (%s)", async (_, secondsAgo) => {
    const of = customer();
    const connection = await connect(of);
    const waba = first(of.wabas);
    await deliver(removed(waba, secondsAgo));
    expect(await context.connection(connection.id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'partner_removed', detail: expect.stringContaining(waba), remedy: expect.any(String) },
      assets: [],
    });
    expect(await eventsOf('connection.reauth_required', connection)).toMatchObject([
      { reason: { code: 'partner_removed' } },
    ]);
    expect(await eventsOf('meta.webhook', connection)).toMatchObject([{ asset: { id: waba } }]);
    expect(await context.audited('connection.asset_lost')).toContainEqual({
      type: 'whatsapp_business_account',
      code: 'partner_removed',
    });
    const path = `/v1/connections/${connection.id}/phone-numbers/${first(of.numbers)}/synchronize`;
    expect((await api(context).post(path, { kinds: ['contacts'] })).body.code).toBe('phone_number_not_found');
    // A valid token does not mean recovery.
    await api(context).post(`/v1/connections/${connection.id}/check`, {}).expect(200);
    expect((await context.connection(connection.id)).status).toBe('reauth_required');
  });

  it('returns with another signup, with a day to synchronize', async () => {
    const of = customer();
    const connection = await connect(of);
    await deliver(removed(first(of.wabas)));
    context.clock.advance(7_200);
    const again = await connect(of, { event: 'FINISH' });
    expect(again).toMatchObject({ id: connection.id, status: 'active', status_reason: null });
    expect(again.assets.find(({ id }) => id === first(of.numbers))).not.toHaveProperty('registration');
    const onboarded = await connect(of);
    expect(onboarded.assets.find(({ id }) => id === first(of.numbers))?.synchronization).toEqual({
      deadline_at: new Date((seconds() + 86_400) * 1000).toISOString(),
      contacts: { status: 'not_requested' },
      history: { status: 'not_requested' },
    });
  });

  it('stays if it left before its user last connected, and is only inspected', async () => {
    const of = customer();
    const connection = await connect(of);
    const waba = first(of.wabas);
    context.sandbox.state.log.clear();
    await deliver(removed(waba, 61));
    expect(await context.connection(connection.id)).toMatchObject({ status: 'active', status_reason: null });
    expect(context.sandbox.state.log.list().some(({ path }) => path.endsWith(`/${waba}`))).toBe(true);
    context.fault({ kind: 'graph_error', code: 100, subcode: 33 }, { method: 'GET', pathPattern: `/${waba}$` }, null);
    await deliver(removed(waba, 62));
    expect(await context.connection(connection.id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'partner_removed', meta: { code: 100, subcode: 33 } },
    });
  });

  it('leaves other accounts usable, and says why it was removed', async () => {
    const of = customer(2);
    const connection = await connect(of);
    const [gone = '', kept = ''] = of.wabas;
    const disconnection_info = { reason: 'PRIMARY_INACTIVITY', initiated_by: 'SYSTEM' };
    await deliver(removed(gone, 0, { disconnection_info }));
    const after = await context.connection(connection.id);
    expect(after).toMatchObject({
      status: 'active',
      status_reason: { code: 'partner_removed', detail: expect.stringMatching(/phone with the WhatsApp Business app/) },
    });
    expect(after.assets.map(({ id }) => id).sort()).toEqual([kept, of.numbers[1]].sort());
    expect(await eventsOf('connection.reauth_required', connection)).toEqual([]);
    await deliver(removed(kept));
    expect((await context.connection(connection.id)).status).toBe('reauth_required');
  });

  it('stays and is only inspected if another app of ours reports it', async () => {
    const of = customer();
    const connection = await connect(of);
    await deliver(removed(first(of.wabas)), context.sandbox.app.instagramAppSecret);
    expect(await context.connection(connection.id)).toMatchObject({ status: 'active', status_reason: null });
  });

  it('is decided separately for each of its connections', async () => {
    const of = customer();
    const coexisting = await connect(of);
    const ordinary = await connect(of, { event: 'FINISH', tenant: 'other' });
    await deliver(removed(first(of.wabas)));
    expect((await context.connection(coexisting.id)).status).toBe('reauth_required');
    expect(await context.connection(ordinary.id)).toMatchObject({ status: 'active', status_reason: null });
  });
});

describe('webhooks about such numbers', () => {
  it.each(COEXISTENCE_CHANGES)('$name reaches their owner unchanged', async ({ change }) => {
    const of = customer();
    const connection = await connect(of);
    const entry = { id: first(of.wabas), time: seconds(), changes: [change(first(of.numbers))] };
    await deliver(entry);
    expect(await eventsOf('meta.webhook', connection)).toEqual([
      {
        connection_id: connection.id,
        tenant: 'acme',
        product: 'whatsapp',
        object: 'whatsapp_business_account',
        asset: { type: 'whatsapp_business_account', id: first(of.wabas) },
        entry,
      },
    ]);
    // This one names the number under an id other than its account's: the number may have moved.
    await deliver({ ...entry, id: PARTNER });
    expect(await eventsOf('meta.webhook', connection)).toHaveLength(1);
    expect((await context.connection(connection.id)).status).toBe('active');
  });
});
