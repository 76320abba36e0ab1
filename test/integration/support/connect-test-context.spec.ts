import { describe, expect, it } from '@jest/globals';
import { connectStage } from '../../support/connect-test-context.ts';
import { until } from '../../support/until.ts';

/** Servers of this process that listen. A closed one is counted until the event loop has come round. */
const listening = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;

describe('connectStage', () => {
  it('leaves nothing open when its replica does not start', async () => {
    expect(listening()).toBe(0);
    await expect(connectStage({ environment: { PORT: 'none' } })).rejects.toThrow('PORT');
    await until(() => listening() === 0);
  });

  it('closes a replica that came later, with the rest', async () => {
    const stage = await connectStage();
    try {
      const second = await stage.another();
      expect(second.databaseUrl).toBe(stage.replica.databaseUrl);
      await second.listen();
      expect(listening()).toBe(2);
      await expect(stage.another({ PORT: 'none' })).rejects.toThrow('PORT');
    } finally {
      await stage.close();
    }
    await until(() => listening() === 0);
  });
});
