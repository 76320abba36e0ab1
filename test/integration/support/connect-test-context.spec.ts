import { describe, expect, it } from '@jest/globals';
import { openConnectTestContext } from '../../support/connect-test-context.ts';
import { until } from '../../support/until.ts';

/** Listening servers of this process. A closed one counts until the next turn of the event loop. */
const listening = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;

describe('openConnectTestContext', () => {
  it('leaves nothing open when its replica does not start', async () => {
    const before = listening();
    await expect(openConnectTestContext({ environment: { PORT: 'none' } })).rejects.toThrow('PORT');
    await until(() => listening() <= before);
  });

  it('closes a replica that came later, with the rest', async () => {
    const before = listening();
    const context = await openConnectTestContext();
    try {
      const second = await context.startAnotherReplica();
      expect(second.databaseUrl).toBe(context.replica.databaseUrl);
      await second.listen();
      expect(listening()).toBeGreaterThan(before);
      await expect(context.startAnotherReplica({ PORT: 'none' })).rejects.toThrow('PORT');
    } finally {
      await context.close();
    }
    await until(() => listening() <= before);
  });
});
