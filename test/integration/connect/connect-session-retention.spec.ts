import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../../src/database/database.ts';
import { RetentionService } from '../../../src/database/retention.service.ts';
import {
  type ConnectTestContext,
  createSession,
  openConnectTestContext,
  TestBrowser,
} from '../../support/connect-test-context.ts';

describe('old connect sessions', () => {
  let context: ConnectTestContext;
  beforeAll(async () => {
    context = await openConnectTestContext({ environment: { RETENTION_DAYS: '30' } });
  });
  afterAll(() => context.close());

  it('are deleted with their attempts after the retention time, and not before', async () => {
    const database = context.replica.app.get(Database);
    const count = async (table: string) => (await database.rows({ text: `SELECT 1 FROM ${table}` })).length;
    const removeExpired = async () => {
      const { lines } = context.log;
      const before = lines.length;
      await context.replica.app.get(RetentionService).run(() => false);
      return lines.slice(before).find(({ what }) => what === 'connect sessions')?.['removed'] ?? 0;
    };
    const old = await createSession(context);
    await new TestBrowser(context).open(old.connect_url);
    context.clock.advance(30 * 86_400);
    await createSession(context);
    expect(await removeExpired()).toBe(0);
    context.clock.advance(601);
    expect(await removeExpired()).toBe(1);
    expect([await count('connect_session'), await count('connect_attempt')]).toEqual([1, 0]);
  });
});
