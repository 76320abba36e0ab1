import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type UnverifiedAsset } from '../../../../src/connections/assets/unverified-asset.repository.ts';
import { UnverifiedAssetService } from '../../../../src/connections/assets/unverified-asset.service.ts';
import type { ConnectionResponse } from '../../../../src/connections/connection/connection-response.dto.ts';
import type { DeathReason } from '../../../../src/connections/status/status-reason.ts';
import { Database } from '../../../../src/database/database.ts';
import { AssetInspectionService } from '../../../../src/lifecycle/inspection/asset-inspection.service.ts';
import { JobScheduler } from '../../../../src/platform/jobs/job-scheduler.ts';
import { api } from '../../../support/connect-test-context.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../../../support/lifecycle-test-context.ts';
import { startTestReplica } from '../../../support/test-replica.ts';

const BUSINESS = '300000000000401';
const WHATSAPP = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const REASON: DeathReason = { code: 'whatsapp_account_lost', detail: 'It is gone.', remedy: 'Ask.' };
let context: LifecycleTestContext;
let assets: UnverifiedAssetService;

beforeAll(async () => {
  context = await openLifecycleTestContext();
  assets = context.replica.app.get(UnverifiedAssetService);
});
beforeEach(() => context.sandbox.state.log.clear());
afterEach(() => context.sandbox.state.faults.clear());
afterAll(() => context?.close());

interface Connected {
  connection: ConnectionResponse;
  waba: string;
  /** Connects the same user again. */
  again(): Promise<void>;
}

async function connected(): Promise<Connected> {
  const { make } = context.sandbox.state;
  const { id: waba } = make.waba({ businessId: BUSINESS });
  make.phone({ wabaId: waba });
  const { id: userId } = make.user({ kind: 'system_user', businessId: BUSINESS });
  const targets = { whatsapp_business_management: [waba] };
  const { accessToken } = make.token({ userId, scopes: WHATSAPP, expiresIn: null, targets });
  const claimDue = async (): Promise<ConnectionResponse> => {
    const body = { tenant: 'acme', product: 'whatsapp', access_token: accessToken };
    return (await api(context).post('/v1/connections/import', body).expect(201)).body as ConnectionResponse;
  };
  const connection = await claimDue();
  return { connection, waba, again: async () => void (await claimDue()) };
}

const requestVerification = (...wabas: string[]) =>
  assets.requestVerification(context.replica.app.get(Database), 'whatsapp_business_account', wabas);
async function takeOne(waba: string): Promise<UnverifiedAsset> {
  const taken = (await assets.claimDue(20)).find(({ id }) => id === waba);
  if (taken === undefined) throw new Error('no verification is requested');
  return taken;
}
const asked = (waba: string) => context.sandbox.state.log.list().filter(({ path }) => path.endsWith(`/${waba}`)).length;

describe('verifying an account whose response is late', () => {
  it('does not complete requests that arrived meanwhile', async () => {
    const { waba } = await connected();
    await requestVerification(waba);
    const look = await takeOne(waba);
    context.clock.advance(1);
    await requestVerification(waba);
    await assets.clearVerification(look);
    const next = await takeOne(waba);
    await assets.clearVerification(next);
    context.clock.advance(61);
    await expect(takeOne(waba)).rejects.toThrow('no verification');
  });

  it('takes nothing from a user who reconnected meanwhile', async () => {
    const { connection, waba, again } = await connected();
    await requestVerification(waba);
    const look = await takeOne(waba);
    await again();
    await assets.removeLost(look, REASON);
    const after = await context.connection(connection.id);
    expect(after).toMatchObject({ status: 'active', status_reason: null });
    expect(after.assets.map(({ id }) => id)).toContain(waba);
  });

  it('takes nothing if verification was requested again, which runs separately', async () => {
    const { connection, waba } = await connected();
    await requestVerification(waba);
    const first = await takeOne(waba);
    context.clock.advance(1);
    await requestVerification(waba);
    await assets.removeLost(first, REASON);
    expect((await context.connection(connection.id)).status).toBe('active');
    await assets.removeLost(await takeOne(waba), REASON);
    expect(await context.connection(connection.id)).toMatchObject({ status: 'reauth_required', assets: [] });
  });
});

describe('an account whose verification is refused', () => {
  const inspect = async (connect: Connected, code: number): Promise<ConnectionResponse> => {
    context.fault({ kind: 'graph_error', code }, { method: 'GET', pathPattern: `/${connect.waba}$` }, null);
    await requestVerification(connect.waba);
    await context.replica.app.get(AssetInspectionService).inspectDue();
    return context.connection(connect.connection.id);
  };

  it('with a suspect token is kept while the token lives', async () => {
    const one = await connected();
    expect(await inspect(one, 190)).toMatchObject({ status: 'active', status_reason: null });
    context.clock.advance(61);
    await expect(takeOne(one.waba)).rejects.toThrow('no verification');
  });

  it('with an unknown code is kept', async () => {
    expect(await inspect(await connected(), 987654)).toMatchObject({ status: 'active', status_reason: null });
  });

  it('because it is unreachable is removed', async () => {
    expect(await inspect(await connected(), 100)).toMatchObject({ status: 'reauth_required', assets: [] });
  });
});

describe('verifying many accounts', () => {
  it("stops at the app's rate limit and continues afterwards", async () => {
    const [one, other] = [await connected(), await connected()];
    context.fault({ kind: 'graph_error', code: 4 }, { method: 'GET', pathPattern: `/${one.waba}$` }, null);
    await requestVerification(one.waba);
    context.clock.advance(1);
    await requestVerification(other.waba);
    context.sandbox.state.log.clear();
    await context.replica.app.get(AssetInspectionService).inspectDue();
    expect([asked(one.waba), asked(other.waba)]).toEqual([1, 0]);
    context.sandbox.state.faults.clear();
    context.clock.advance(3_600);
    await context.replica.app.get(AssetInspectionService).inspectDue();
    expect([asked(one.waba), asked(other.waba)]).toEqual([2, 1]);
    expect((await context.connection(other.connection.id)).status).toBe('active');
  });

  it('ends with its replica', async () => {
    const { waba } = await connected();
    await requestVerification(waba);
    context.sandbox.state.log.clear();
    const stopped = await startTestReplica({
      environment: context.sandbox.environment(),
      databaseUrl: context.replica.databaseUrl,
      overrides: { clock: context.clock },
    });
    try {
      const inspection = stopped.app.get(AssetInspectionService);
      stopped.app.get(JobScheduler).onModuleDestroy();
      await inspection.inspectDue();
      expect(asked(waba)).toBe(0);
      await context.replica.app.get(AssetInspectionService).inspectDue();
      expect(asked(waba)).toBe(1);
    } finally {
      await stopped.close();
    }
  });
});
