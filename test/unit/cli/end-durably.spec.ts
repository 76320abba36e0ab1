import { describe, expect, it } from '@jest/globals';
import { endDurably } from '../../../src/cli/end-durably.ts';
import type { Database } from '../../../src/database/database.ts';
import type { Confirmation } from '../../../src/database/standby/standby-confirmation.ts';

async function noticesFor(durability: Confirmation['durability'], isStandbyExpected: boolean): Promise<string[]> {
  const notices: string[] = [];
  const standby = {
    confirm: async (work: () => Promise<unknown>) => ({
      result: await work(),
      confirmation: { durability, isStandbyExpected },
    }),
  } as unknown as Database['standby'];
  const context = { notify: ({ code }: { code: string }) => void notices.push(code) };
  expect(await endDurably({ standby }, context, async () => 'done')).toBe('done');
  return notices;
}

describe('a command that ends something', () => {
  it('says if a failover may undo it', async () => {
    expect(await noticesFor('primary', true)).toEqual(['unconfirmed']);
  });

  it('says nothing if a standby has it, or there is none', async () => {
    expect([await noticesFor('standby', true), await noticesFor('primary', false)]).toEqual([[], []]);
  });
});
