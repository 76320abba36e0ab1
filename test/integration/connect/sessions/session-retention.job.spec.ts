import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionRetention } from '../../../../src/connect/sessions/session-retention.job.ts';
import { Database } from '../../../../src/database/database.ts';
import { type ConnectStage, connectStage, createSession, TestBrowser } from '../../../support/connect-test-context.ts';

describe('old connect sessions', () => {
  let stage: ConnectStage;
  beforeAll(async () => {
    stage = await connectStage({ environment: { RETENTION_DAYS: '30' } });
  });
  afterAll(() => stage.close());

  it('are forgotten with their attempts when their days are over, and not before', async () => {
    const database = stage.replica.app.get(Database);
    const count = async (table: string) => (await database.rows({ text: `SELECT 1 FROM ${table}` })).length;
    const retention = stage.replica.app.get(SessionRetention);
    const old = await createSession(stage);
    await new TestBrowser(stage).open(old.connect_url);
    stage.clock.advance(30 * 86_400);
    await createSession(stage);
    expect(await retention.forgetOld()).toBe(0);
    stage.clock.advance(601);
    expect(await retention.forgetOld()).toBe(1);
    expect([await count('connect_session'), await count('connect_attempt')]).toEqual([1, 0]);
  });
});
