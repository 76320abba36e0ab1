import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import request from 'supertest';
import { hubSignature } from '../../src/sandbox/state/callback-sender.ts';
import { api, createServiceClient } from '../support/connect-test-context.ts';
import { type GatewayTestContext, openGatewayTestContext } from '../support/gateway-test-context.ts';

const APP = '740000000001';
const TENANT = 'property';
const GRACE_SECONDS = 3600;

/** What a step does, and on which of the two replicas. */
type Step =
  | { do: 'rotate'; on: 0 | 1; graceSeconds: 0 | typeof GRACE_SECONDS }
  | { do: 'repeat'; on: 0 | 1; graceSeconds: 0 | typeof GRACE_SECONDS }
  | { do: 'call'; on: 0 | 1; leasedOn: 0 | 1 }
  /** `age` 0: the secret that is current, 1: the one before, … */
  | { do: 'sign'; on: 0 | 1; age: number }
  | { do: 'wait'; seconds: number };

const on = fc.constantFrom(0 as const, 1 as const);
const graceSeconds = fc.constantFrom(0 as const, GRACE_SECONDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('rotate' as const), on, graceSeconds }),
  fc.record({ do: fc.constant('repeat' as const), on, graceSeconds }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant('call' as const), on, leasedOn: on }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('sign' as const), on, age: fc.nat({ max: 2 }) }) },
  fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 1800, GRACE_SECONDS) }),
);

/** Steps of one inner list run at the same time. */
const schedule = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 4, maxLength: 10 });

describe('the secret of an app, on two replicas', () => {
  let context: GatewayTestContext;
  let key: string;
  let made = 0;
  /** All secrets, the newest first. */
  let secrets: string[];
  /** Until when the one before still signs, in the milliseconds of the clock; null: not at all. */
  let previousUntil: number | null;

  beforeAll(async () => {
    context = await openGatewayTestContext();
    secrets = [newSecret()];
    previousUntil = null;
    const { state } = context.sandbox;
    state.make.app({ id: APP, secret: current() });
    const app = { app_id: APP, app_secret: current(), name: 'Property', tenants: [TENANT] };
    await api(context).post('/v1/apps', app).expect(201);
    const { id: userId } = state.make.user({ kind: 'user' });
    const { accessToken } = state.make.token({ userId, appId: APP, longLived: true });
    const token = { tenant: TENANT, product: 'pages', access_token: accessToken };
    await api(context).post('/v1/connections/import', token).expect(201);
    key = (await createServiceClient(context, { tenants: [TENANT] })).key;
  });
  afterAll(() => context.close());

  const newSecret = () => (++made).toString(16).padStart(32, 'a');
  const current = () => secrets[0] ?? '';
  const nowMs = () => context.clock.now().getTime();
  const urlOf = (replica: 0 | 1) => [context.url, context.secondUrl][replica] ?? '';
  const apiOf = (replica: 0 | 1, as?: string) => api({ replica: replica === 0 ? context.replica : context.second }, as);

  async function rotate(replica: 0 | 1, grace: number): Promise<void> {
    const before = current();
    const fresh = newSecret();
    context.sandbox.state.patchApp(APP, { secret: fresh });
    const body = { app_secret: fresh, grace_seconds: grace };
    await apiOf(replica).post(`/v1/apps/${APP}/secret`, body).expect(200);
    expect(current()).toBe(before);
    secrets.unshift(fresh);
    previousUntil = grace === 0 ? null : nowMs() + grace * 1000;
  }

  /** Sending the same secret again is no rotation: only a grace of 0 changes anything. */
  async function repeat(replica: 0 | 1, grace: number): Promise<void> {
    const body = { app_secret: current(), grace_seconds: grace };
    await apiOf(replica).post(`/v1/apps/${APP}/secret`, body).expect(200);
    if (grace === 0) previousUntil = null;
  }

  /** The answer of a Graph call; Meta checks its proof. */
  async function call(replica: 0 | 1, leasedOn: 0 | 1): Promise<number> {
    const lease = await apiOf(leasedOn, key).post('/v1/leases', { tenant: TENANT, product: 'pages' }).expect(201);
    const authorization = `Bearer ${(lease.body as { access_token: string }).access_token}`;
    return (await request(urlOf(replica)).get('/graph/v26.0/me').set('Authorization', authorization)).status;
  }

  async function sign(replica: 0 | 1, secret: string): Promise<number> {
    const text = JSON.stringify({ object: 'page', entry: [{ id: '1', time: ++made, changes: [] }] });
    const response = await request(urlOf(replica))
      .post(`/webhooks/meta/${APP}`)
      .set('content-type', 'application/json')
      .set('x-hub-signature-256', hubSignature(secret, text))
      .send(text);
    return response.status;
  }

  const isAccepted = (age: number) => age === 0 || (age === 1 && previousUntil !== null && previousUntil > nowMs());

  /** `isCertain`: nothing is being changed at the same time, so the outcome is known. */
  async function run(given: Step, isCertain: boolean): Promise<void> {
    if (given.do === 'rotate') await rotate(given.on, given.graceSeconds);
    else if (given.do === 'repeat') await repeat(given.on, given.graceSeconds);
    else if (given.do === 'wait') context.clock.advance(given.seconds);
    else if (given.do === 'call') {
      const status = await call(given.on, given.leasedOn);
      if (isCertain) expect([given, status]).toEqual([given, 200]);
      // The proof may use the old secret when Meta has the new one: that is Meta's refusal, not an error of ours.
      else expect(status).toBeLessThan(500);
    } else {
      const secret = secrets[given.age];
      if (secret === undefined) return;
      const expected = isAccepted(given.age) ? 200 : 401;
      const status = await sign(given.on, secret);
      if (isCertain) expect([given, status]).toEqual([given, expected]);
      else expect([200, 401]).toContain(status);
    }
  }

  /** Keeps only the first change, of the secret or the time: with more, their order would decide. */
  function groupOf(steps: readonly Step[]): { steps: Step[]; isCertain: boolean } {
    const isChange = ({ do: what }: Step) => what === 'rotate' || what === 'repeat' || what === 'wait';
    const firstChange = steps.find(isChange);
    const kept = steps.filter((each) => !isChange(each) || each === firstChange);
    return { steps: kept, isCertain: firstChange === undefined };
  }

  it('counts from the next call on, on every replica, and the old signatures for their grace only', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (groups) => {
        for (const group of groups) {
          const { steps, isCertain } = groupOf(group);
          await Promise.all(steps.map((each) => run(each, isCertain)));
          // After the change, outcomes are certain again.
          for (const replica of [0, 1] as const)
            await run({ do: 'sign', on: replica, age: replica }, true).then(() =>
              run({ do: 'call', on: replica, leasedOn: replica }, true),
            );
        }
      }),
      { numRuns: Number(process.env['SECRET_RUNS'] ?? 12) },
    );
  }, 600_000);
});
