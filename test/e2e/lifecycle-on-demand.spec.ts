import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SuspectedTokenService } from '../../src/lifecycle/inspection/suspected-token.service.ts';
import { OnDemandRefreshService } from '../../src/lifecycle/refresh/on-demand-refresh.service.ts';
import { LifecycleJob } from '../../src/lifecycle/sweeps/lifecycle.job.ts';
import { AppError } from '../../src/platform/problem.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';

let context: LifecycleTestContext;
let second: TestReplica;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  second = await context.startAnotherReplica();
});
afterEach(() => {
  context.sandbox.state.faults.clear();
  context.sandbox.state.setLatency(0);
  context.clock.advance(120);
});
afterAll(() => context?.close());

const ensure = (id: `crd_${string}`, seconds: number, replica: TestReplica = context.replica) =>
  replica.app
    .get(OnDemandRefreshService)
    .ensure(id, seconds)
    .then(
      () => 'enough',
      (error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        return { code: error.code, after: error.occurrence.retryAfterSeconds };
      },
    );

describe('OnDemandRefreshService', () => {
  it('does nothing if the token lives long enough, or never expires', async () => {
    const { id } = await context.importConnection({ expiresIn: 2 * DAY });
    const endless = await context.importConnection({ kind: 'system_user', expiresIn: null });
    expect(await ensure((await context.root(id)).id, DAY)).toBe('enough');
    expect(await ensure((await context.root(endless.id)).id, 365 * DAY)).toBe('enough');
    expect((await context.root(id)).version).toBe(1);
  });

  it('refreshes once for all waiting requests, across two replicas', async () => {
    const { id, token } = await context.importConnection({ expiresIn: DAY });
    const root = (await context.root(id)).id;
    context.sandbox.state.setLatency(50);
    const waiting = Array.from({ length: 40 }, (_, index) =>
      ensure(root, 2 * DAY, index % 2 === 0 ? context.replica : second),
    );
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['enough']));
    expect(context.sandbox.state.log.exchangesOf(token)).toBe(1);
    expect((await context.root(id)).version).toBe(2);
  });

  it('returns refresh_pending with a retry time after a failure, and does not ask Meta before it', async () => {
    const { id } = await context.importConnection({ expiresIn: DAY });
    const root = (await context.root(id)).id;
    context.fault({ kind: 'graph_error', code: 2, status: 503 }, { grantType: 'fb_exchange_token' }, null);
    const responses = await Promise.all(Array.from({ length: 10 }, () => ensure(root, 2 * DAY)));
    for (const response of responses) expect(response).toMatchObject({ code: 'refresh_pending' });
    const calls = context.sandbox.state.log.counters().calls;
    expect(await ensure(root, 2 * DAY)).toMatchObject({ code: 'refresh_pending', after: expect.any(Number) });
    expect(context.sandbox.state.log.counters().calls).toBe(calls);
    expect(await ensure(root, 3600)).toBe('enough');
    context.sandbox.state.faults.clear();
    context.clock.advance(300);
    expect(await ensure(root, 2 * DAY)).toBe('enough');
  });

  it('returns min_valid_unsatisfiable if no refresh can achieve it', async () => {
    const young = await context.importConnection({ kind: 'instagram_user', expiresIn: DAY });
    expect(await ensure((await context.root(young.id)).id, 2 * DAY)).toMatchObject({ code: 'min_valid_unsatisfiable' });
    const { id } = await context.importConnection({ expiresIn: DAY });
    const root = (await context.root(id)).id;
    expect(await ensure(root, 100 * DAY)).toMatchObject({ code: 'min_valid_unsatisfiable' });
    expect((await context.root(id)).version).toBe(2);
    expect(await ensure(root, 100 * DAY)).toMatchObject({ code: 'min_valid_unsatisfiable' });
    expect((await context.root(id)).version).toBe(2);
    const same = await context.importConnection({ expiresIn: DAY });
    context.fault({ kind: 'same_token' }, { grantType: 'fb_exchange_token' }, null);
    for (let round = 0; round < 2; round++) {
      expect(await ensure((await context.root(same.id)).id, 2 * DAY)).toMatchObject({
        code: 'min_valid_unsatisfiable',
      });
    }
  });

  it('returns reauth_required for a dead token', async () => {
    const { id, token } = await context.importConnection({ expiresIn: DAY });
    const root = (await context.root(id)).id;
    context.sandbox.state.invalidateToken(token, 460);
    expect(await ensure(root, 2 * DAY)).toMatchObject({ code: 'reauth_required' });
  });
});

describe('SuspectedTokenService', () => {
  const report = (credentialId: `crd_${string}`, version = 1) =>
    context.replica.app.get(SuspectedTokenService).report(credentialId, version, { code: 190 }, { kind: 'suspect' });

  it('confirms by one inspection for all reports, and ends the connection at once', async () => {
    const { id, token } = await context.importConnection();
    const root = (await context.root(id)).id;
    context.sandbox.state.invalidateToken(token, 467);
    const calls = context.sandbox.state.log.counters().calls;
    const verdicts = await Promise.all(Array.from({ length: 25 }, () => report(root)));
    expect(new Set(verdicts)).toEqual(new Set(['dead']));
    expect(context.sandbox.state.log.counters().calls - calls).toBe(1);
    expect(await context.connection(id)).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'logged_out' },
    });
  });

  it('finds a live token alive, and ignores an old version', async () => {
    const { id } = await context.importConnection();
    const root = (await context.root(id)).id;
    expect(await report(root)).toBe('alive');
    expect(await report(root, 7)).toBe('alive');
    expect((await context.connection(id)).status).toBe('active');
  });

  it("is undecided if Meta can't be asked, until the next sweep", async () => {
    const { id, token } = await context.importConnection();
    const root = (await context.root(id)).id;
    context.sandbox.state.invalidateToken(token, 460);
    context.fault({ kind: 'drop_before' }, { pathPattern: 'debug_token' }, null);
    expect(await report(root)).toBe('unknown');
    expect(await context.connection(id)).toMatchObject({ status: 'active', credentials: [{ health: 'unknown' }] });
    context.sandbox.state.faults.clear();
    await context.replica.app.get(LifecycleJob).runUrgentWork();
    // HEALTH_CRON is off on this replica, so its sweeps inspect nothing.
    expect((await context.connection(id)).status).toBe('active');
    await context.sweep.health();
    expect((await context.connection(id)).status).toBe('reauth_required');
  });
});
