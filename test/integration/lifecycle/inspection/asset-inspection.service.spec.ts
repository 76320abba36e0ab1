import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DoubtedAsset, DoubtedAssets } from '../../../../src/connections/assets/unverified-asset.repository.ts';
import type { ConnectionView } from '../../../../src/connections/connection/connection-response.dto.ts';
import { Database } from '../../../../src/database/database.ts';
import { AssetInspection } from '../../../../src/lifecycle/inspection/asset-inspection.service.ts';
import { api } from '../../../support/connect-test-context.ts';
import { type LifecycleStage, lifecycleStage } from '../../../support/lifecycle-test-context.ts';

const BUSINESS = '300000000000401';
const WHATSAPP = ['whatsapp_business_management', 'whatsapp_business_messaging'];
const REASON = { code: 'whatsapp_account_lost', detail: 'It is gone.', remedy: 'Ask.' };
let stage: LifecycleStage;
let assets: DoubtedAssets;

beforeAll(async () => {
  stage = await lifecycleStage();
  assets = stage.replica.app.get(DoubtedAssets);
});
beforeEach(() => stage.sandbox.state.log.clear());
afterEach(() => stage.sandbox.state.faults.clear());
afterAll(() => stage?.close());

interface Connected {
  connection: ConnectionView;
  waba: string;
  /** The same person once more. */
  again(): Promise<void>;
}

async function connected(): Promise<Connected> {
  const { make } = stage.sandbox.state;
  const { id: waba } = make.waba({ businessId: BUSINESS });
  make.phone({ wabaId: waba });
  const { id: userId } = make.user({ kind: 'system_user', businessId: BUSINESS });
  const targets = { whatsapp_business_management: [waba] };
  const { accessToken } = make.token({ userId, scopes: WHATSAPP, expiresIn: null, targets });
  const take = async (): Promise<ConnectionView> => {
    const body = { tenant: 'acme', product: 'whatsapp', access_token: accessToken };
    return (await api(stage).post('/v1/connections/import', body).expect(201)).body as ConnectionView;
  };
  const connection = await take();
  return { connection, waba, again: async () => void (await take()) };
}

const raise = (...wabas: string[]) => assets.raise(stage.replica.app.get(Database), 'whatsapp_business_account', wabas);
async function takeOne(waba: string): Promise<DoubtedAsset> {
  const taken = (await assets.take(20)).find(({ id }) => id === waba);
  if (taken === undefined) throw new Error('no doubts about it');
  return taken;
}
const asked = (waba: string) => stage.sandbox.state.log.list().filter(({ path }) => path.endsWith(`/${waba}`)).length;

describe('a look at a doubted account whose answer comes late', () => {
  it('settles no doubt that came while it was under way', async () => {
    const { waba } = await connected();
    await raise(waba);
    const look = await takeOne(waba);
    stage.clock.advance(1);
    await raise(waba);
    await assets.settle(look);
    const next = await takeOne(waba);
    await assets.settle(next);
    stage.clock.advance(61);
    await expect(takeOne(waba)).rejects.toThrow('no doubts');
  });

  it('takes nothing from a person who has connected again meanwhile', async () => {
    const { connection, waba, again } = await connected();
    await raise(waba);
    const look = await takeOne(waba);
    await again();
    await assets.lost(look, REASON);
    const after = await stage.connection(connection.id);
    expect(after).toMatchObject({ status: 'active', status_reason: null });
    expect(after.assets.map(({ id }) => id)).toContain(waba);
  });

  it('takes nothing where the doubt came anew, which is looked at by itself', async () => {
    const { connection, waba } = await connected();
    await raise(waba);
    const first = await takeOne(waba);
    stage.clock.advance(1);
    await raise(waba);
    await assets.lost(first, REASON);
    expect((await stage.connection(connection.id)).status).toBe('active');
    await assets.lost(await takeOne(waba), REASON);
    expect(await stage.connection(connection.id)).toMatchObject({ status: 'reauth_required', assets: [] });
  });
});

describe('looks at many doubted accounts', () => {
  it('stop with the pace of the app, and go on after it', async () => {
    const [one, other] = [await connected(), await connected()];
    stage.fault({ kind: 'graph_error', code: 4 }, { method: 'GET', pathPattern: `/${one.waba}$` }, null);
    await raise(one.waba);
    stage.clock.advance(1);
    await raise(other.waba);
    stage.sandbox.state.log.clear();
    await stage.replica.app.get(AssetInspection).look();
    expect([asked(one.waba), asked(other.waba)]).toEqual([1, 0]);
    stage.sandbox.state.faults.clear();
    stage.clock.advance(3_600);
    await stage.replica.app.get(AssetInspection).look();
    expect([asked(one.waba), asked(other.waba)]).toEqual([2, 1]);
    expect((await stage.connection(other.connection.id)).status).toBe('active');
  });

  it('end with their replica', async () => {
    const { waba } = await connected();
    await raise(waba);
    stage.sandbox.state.log.clear();
    const inspection = stage.replica.app.get(AssetInspection);
    inspection.onModuleDestroy();
    await inspection.look();
    expect(asked(waba)).toBe(0);
  });
});
