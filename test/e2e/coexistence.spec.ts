import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import type { Fault } from '../../src/sandbox/control/fault-script.ts';
import { api, createServiceClient, createSession } from '../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';

const BUSINESS = '300000000000401';
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const FINISHED = 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING';
const FEATURE = 'whatsapp_business_app_onboarding';
const HOUR = 3_600;
let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
beforeEach(() => context.sandbox.state.log.clear());
afterEach(() => {
  context.sandbox.state.faults.clear();
});
afterAll(() => context?.close());

interface Customer {
  userId: string;
  waba: string;
  numbers: string[];
  number: string;
}

function customer({ numbers: count = 1 } = {}): Customer {
  const { make } = context.sandbox.state;
  const { id: waba } = make.waba({ businessId: BUSINESS, name: 'A shop' });
  const numbers = Array.from({ length: count }, () => make.phone({ wabaId: waba }).id);
  const { id: userId } = make.user({ kind: 'system_user', businessId: BUSINESS });
  return { userId, waba, numbers, number: numbers[0] ?? '' };
}

/** `isOnBizApp`: what Meta says about the numbers; null: nothing. */
async function connect(
  { userId, waba, numbers }: Customer,
  body: Record<string, unknown> = {},
  { isOnBizApp = null, ...session }: { isOnBizApp?: boolean | null; feature_type?: string } = {},
): Promise<ConnectionResponse> {
  const said = isOnBizApp === null ? {} : { is_on_biz_app: isOnBizApp };
  const data = numbers.map((id) => ({ id, display_phone_number: '+1 555 1', ...said }));
  const list = { method: 'GET', pathPattern: `/${waba}/phone_numbers$` };
  context.fault({ kind: 'status', status: 200, body: { data } }, list);
  const targets = { whatsapp_business_management: [waba], whatsapp_business_messaging: [waba] };
  const code = context.sandbox.state.make.code({ userId, fromSdk: true, expiresIn: null, scopes: SCOPES, targets });
  const { id } = await createSession(context, { product: 'whatsapp', flow: 'embedded_signup', ...session });
  const response = await api(context).post(`/v1/connect-sessions/${id}/complete`, { code, ...body });
  if (response.status !== 201) throw new Error(`${response.status} ${response.text}`);
  return response.body as ConnectionResponse;
}

const onboard = (
  of: Customer,
  body: Record<string, unknown> = {},
  isOnBizApp: boolean | null = null,
): Promise<ConnectionResponse> =>
  connect(of, { event: FINISHED, waba_id: of.waba, ...body }, { feature_type: FEATURE, isOnBizApp });
const numberOf = (connection: ConnectionResponse, id: string) => connection.assets.find((asset) => asset.id === id);
const current = async (of: ConnectionResponse, { number }: Customer) =>
  numberOf(await context.connection(of.id), number);
const calls = (suffix: string): number =>
  context.sandbox.state.log.list().filter(({ method, path }) => method === 'POST' && path.endsWith(suffix)).length;
const route = (of: ConnectionResponse, { number }: Customer, action: string): string =>
  `/v1/connections/${of.id}/phone-numbers/${number}/${action}`;
const synchronize = (of: ConnectionResponse, customerOf: Customer, kinds: string[]) =>
  api(context).post(route(of, customerOf, 'synchronize'), { kinds });
/** Meta's next responses to requests for this number. */
const answer = ({ number }: Customer, fault: Fault, times: number | null = null): void => {
  context.fault(fault, { method: 'POST', pathPattern: `/${number}/smb_app_data$` }, times);
};
const TAKEN: Fault = { kind: 'status', status: 200, body: { messaging_product: 'whatsapp', request_id: 'req_1' } };

describe('a number of the WhatsApp Business app', () => {
  it.each(['alone', 'with its number'])('is known by the end of its signup (%s), and never registered', async (ids) => {
    const of = customer();
    const connection = await onboard(of, { pin: '123456', ...(ids === 'alone' ? {} : { phone_number_id: of.number }) });
    const at = context.clock.now().toISOString();
    expect(connection).toMatchObject({ status: 'active', status_reason: null });
    expect(numberOf(connection, of.number)).toMatchObject({
      registration: { status: 'coexistence', at },
      synchronization: {
        deadline_at: new Date(Date.parse(at) + 86_400_000).toISOString(),
        contacts: { status: 'not_requested' },
        history: { status: 'not_requested' },
      },
    });
    const refused = await api(context).post(route(connection, of, 'register'), { pin: '123456' });
    expect([refused.status, refused.body.code]).toEqual([409, 'registration_not_allowed']);
    expect(refused.body.remedy).toEqual(expect.any(String));
    expect(calls('/register')).toBe(0);
    expect(numberOf(await context.connection(connection.id), of.number)?.registration?.status).toBe('coexistence');
    expect(await context.audited('phone_number.registered', connection.id)).toEqual([]);
    expect(await context.audited('phone_number.registration_failed', connection.id)).toEqual([]);
  });

  it("is recognized by Meta's word, until Meta says otherwise", async () => {
    const of = customer();
    const connection = await connect(of, { pin: '123456' }, { isOnBizApp: true });
    expect(numberOf(connection, of.number)?.registration?.status).toBe('coexistence');
    expect(calls('/register')).toBe(0);
    expect(numberOf(await connect(of), of.number)?.registration?.status).toBe('coexistence');
    const left = numberOf(await onboard(of, {}, false), of.number);
    expect(left).toBeDefined();
    expect(left).not.toHaveProperty('registration');
    expect(left).not.toHaveProperty('synchronization');
    expect(numberOf(await connect(of, { pin: '123456' }), of.number)?.registration?.status).toBe('registered');
  });

  it('replaces a failed registration and its message', async () => {
    const of = customer();
    context.fault({ kind: 'graph_error', code: 133_006 }, { method: 'POST', pathPattern: '/register$' });
    const failed = await connect(of, { pin: '123456' });
    expect(failed.status_reason?.code).toBe('phone_number_not_registered');
    const onboarded = await onboard(of);
    expect(onboarded).toMatchObject({ id: failed.id, status_reason: null });
    expect(numberOf(onboarded, of.number)?.registration).toEqual({
      status: 'coexistence',
      at: context.clock.now().toISOString(),
    });
  });

  it("leaves the account's other number to the pin", async () => {
    const of = customer({ numbers: 2 });
    const [, other = ''] = of.numbers;
    const connection = await onboard(of, { pin: '123456', phone_number_id: of.number });
    expect(numberOf(connection, other)).not.toHaveProperty('registration');
    const again = await connect(of, { pin: '123456' });
    expect(numberOf(again, other)?.registration?.status).toBe('registered');
    expect(numberOf(again, of.number)?.registration?.status).toBe('coexistence');
  });

  it('is found and lost by rediscovery', async () => {
    const of = customer();
    const connection = await connect(of);
    const look = async (isOnBizApp: boolean) => {
      context.sandbox.state.make.patchPhone(of.number, { isOnBizApp });
      await api(context).post(`/v1/connections/${connection.id}/check`, {}).expect(200);
      return current(connection, of);
    };
    expect(await look(true)).toMatchObject({
      registration: { status: 'coexistence' },
      synchronization: { deadline_at: null },
    });
    const again = await look(true);
    expect(again?.registration?.status).toBe('coexistence');
    expect(await look(false)).not.toHaveProperty('registration');
  });
});

describe('synchronizing it', () => {
  it("requests each kind from Meta once, and returns Meta's answer", async () => {
    const of = customer();
    const connection = await onboard(of);
    answer(of, TAKEN);
    const { key } = await createServiceClient(context);
    const first = await api(context, key).post(route(connection, of, 'synchronize'), { kinds: ['history'] });
    expect([first.status, first.body]).toEqual([
      202,
      { results: [{ kind: 'history', status: 'requested', request_id: 'req_1' }] },
    ]);
    const both = await synchronize(connection, of, ['history', 'contacts']);
    expect([both.status, both.body]).toEqual([
      202,
      {
        results: [
          { kind: 'contacts', status: 'requested', request_id: 'req_1' },
          { kind: 'history', status: 'already_requested', request_id: 'req_1' },
        ],
      },
    ]);
    const again = await synchronize(connection, of, ['contacts', 'history']);
    expect([again.status, again.body.code]).toEqual([409, 'already_synchronized']);
    expect(calls('/smb_app_data')).toBe(2);
    const at = context.clock.now().toISOString();
    expect((await current(connection, of))?.synchronization).toMatchObject({
      contacts: { status: 'requested', request_id: 'req_1', at },
      history: { status: 'requested', request_id: 'req_1', at },
    });
    expect(await context.audited('phone_number.synchronization_requested', connection.id)).toContainEqual({
      kinds: ['history'],
      outcome: 'requested',
      meta_request_id: 'req_1',
    });
    // Possible again once the number has left and signed up again.
    await onboard(of);
    expect((await synchronize(connection, of, ['contacts'])).status).toBe(202);
  });

  it.each([[[]], [['contacts', 'contacts']], [['calls']], ['contacts'], [null], [undefined]])(
    'rejects %j as kinds and requests nothing',
    async (kinds) => {
      const of = customer();
      const connection = await onboard(of);
      const refused = await api(context).post(route(connection, of, 'synchronize'), { kinds });
      expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
      expect(refused.body.errors).not.toEqual([]);
      expect(calls('/smb_app_data')).toBe(0);
    },
  );

  it('is refused for other numbers, and a day after the signup', async () => {
    const of = customer();
    const ordinary = await connect(of);
    const unknown = await api(context).post(`/v1/connections/${ordinary.id}/phone-numbers/999/synchronize`, {
      kinds: ['contacts'],
    });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'phone_number_not_found']);
    const refused = await synchronize(ordinary, of, ['contacts']);
    expect([refused.status, refused.body.code]).toEqual([409, 'not_coexistence']);
    const connection = await onboard(of);
    answer(of, TAKEN);
    await synchronize(connection, of, ['contacts']).expect(202);
    context.clock.advance(24 * HOUR);
    // A login is not a signup, whatever Meta says about the number.
    await connect(of, {}, { isOnBizApp: true });
    await connect(of);
    const late = await synchronize(connection, of, ['contacts', 'history']);
    expect([late.status, late.body.code]).toEqual([409, 'synchronization_window_closed']);
    const done = await synchronize(connection, of, ['contacts']);
    expect([done.status, done.body.code]).toEqual([409, 'already_synchronized']);
    expect(calls('/smb_app_data')).toBe(1);
  });

  it("returns Meta's refusal, and may be retried", async () => {
    const of = customer();
    const connection = await onboard(of);
    answer(of, { kind: 'graph_error', code: 100, subcode: 2_388_001 }, 1);
    const refused = await synchronize(connection, of, ['contacts']);
    expect([refused.status, refused.body.code]).toEqual([422, 'synchronization_refused']);
    expect(refused.body).toMatchObject({ meta: { code: 100, subcode: 2_388_001 }, remedy: expect.any(String) });
    expect((await current(connection, of))?.synchronization?.contacts).toMatchObject({
      status: 'failed',
      meta: { code: 100, subcode: 2_388_001 },
    });
    expect(await context.audited('phone_number.synchronization_failed', connection.id)).toContainEqual(
      expect.objectContaining({ kinds: ['contacts'], outcome: 'failed' }),
    );
    answer(of, TAKEN);
    expect((await synchronize(connection, of, ['contacts'])).status).toBe(202);
  });

  it('is not used up by outages and limits', async () => {
    const of = customer();
    const connection = await onboard(of);
    for (const fault of [{ kind: 'status', status: 500 }, { kind: 'throttle' }] satisfies Fault[]) {
      context.sandbox.state.log.clear();
      answer(of, fault, 1);
      const failed = await synchronize(connection, of, ['contacts', 'history']);
      expect([failed.status, failed.body.code]).toEqual([503, 'meta_unavailable']);
      expect(Number(failed.headers['retry-after'])).toBeGreaterThan(0);
      // Neither retried automatically, nor tried for the other kind.
      expect(calls('/smb_app_data')).toBe(1);
      expect((await current(connection, of))?.synchronization).toMatchObject({
        contacts: { status: 'failed' },
        history: { status: 'not_requested' },
      });
    }
    answer(of, TAKEN);
    expect((await synchronize(connection, of, ['contacts', 'history'])).status).toBe(202);
  });

  it('returns the result of each kind', async () => {
    const of = customer();
    const connection = await onboard(of);
    answer(of, { kind: 'graph_error', code: 100 }, 1);
    answer(of, TAKEN);
    const mixed = await synchronize(connection, of, ['contacts', 'history']);
    expect([mixed.status, mixed.body]).toEqual([
      202,
      {
        results: [
          {
            kind: 'contacts',
            status: 'failed',
            request_id: null,
            detail: expect.any(String),
            remedy: expect.any(String),
            meta: expect.objectContaining({ code: 100 }),
          },
          { kind: 'history', status: 'requested', request_id: 'req_1' },
        ],
      },
    ]);
  });

  it("keeps the first kind's result if the second runs into an outage", async () => {
    const of = customer();
    const connection = await onboard(of);
    answer(of, TAKEN, 1);
    answer(of, { kind: 'status', status: 500 });
    const mixed = await synchronize(connection, of, ['contacts', 'history']);
    expect(mixed.status).toBe(202);
    expect(mixed.body.results).toMatchObject([{ status: 'requested' }, { kind: 'history', status: 'failed' }]);
  });

  it('needs a live token', async () => {
    const of = customer();
    const connection = await onboard(of);
    answer(of, { kind: 'graph_error', code: 190, subcode: 460 }, 1);
    const dead = await synchronize(connection, of, ['contacts']);
    expect([dead.status, dead.body.code]).toEqual([409, 'reauth_required']);
    expect((await current(connection, of))?.synchronization?.contacts.status).toBe('failed');
  });

  it('asks Meta once, even if replicas are asked at the same time', async () => {
    const of = customer();
    const connection = await onboard(of);
    const other = await context.startAnotherReplica();
    answer(of, TAKEN);
    const replicas = [context, { replica: other }, context, { replica: other }];
    const responses = await Promise.all(
      replicas.map((replica) => api(replica).post(route(connection, of, 'synchronize'), { kinds: ['contacts'] })),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
    expect(calls('/smb_app_data')).toBe(1);
  });
});
