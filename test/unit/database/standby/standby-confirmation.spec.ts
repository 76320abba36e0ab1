import { describe, expect, it } from '@jest/globals';
import { DatabaseAvailability } from '../../../../src/database/database-availability.ts';
import type { ReplicationRow } from '../../../../src/database/standby/replication.query.ts';
import { StandbyConfirmation } from '../../../../src/database/standby/standby-confirmation.ts';
import type { SqlExecutor } from '../../../../src/database/statement.ts';

const STREAMING: ReplicationRow = {
  written: '1000',
  timeline: '00000001',
  is_connected: true,
  has_slot: false,
  confirmed: '1000',
};
const ALONE: ReplicationRow = { ...STREAMING, is_connected: false, confirmed: null };

/** Shows these rows in turn, and then always the last one. */
function showing(...rows: (Partial<ReplicationRow> | Error)[]) {
  let looks = 0;
  const executor = {
    rows: async () => {
      const row = rows[Math.min(looks++, rows.length - 1)];
      if (row instanceof Error) throw row;
      return [{ ...STREAMING, ...row }];
    },
  } as unknown as SqlExecutor;
  const standby = new StandbyConfirmation(executor, new DatabaseAvailability());
  const confirm = async () => (await standby.confirm(async () => 'done')).confirmation;
  return { standby, confirm, looks: () => looks };
}

describe('a commit', () => {
  it('is on a standby once that has all that the primary had after the commit', async () => {
    const { confirm, looks } = showing(
      { confirmed: '900' },
      { written: '2000', confirmed: '999' },
      { confirmed: '1000' },
    );
    expect(await confirm()).toEqual({
      durability: 'standby',
      position: { timeline: '00000001', lsn: 1000n },
      isStandbyExpected: true,
    });
    expect(looks()).toBe(3);
  });

  it('is on the primary alone if the standby does not get so far', async () => {
    expect(await showing({ confirmed: '900' }).confirm()).toMatchObject({
      durability: 'primary',
      isStandbyExpected: true,
    });
  });

  it('is on the primary alone at once if this user does not see how far standbys are', async () => {
    const { confirm, looks } = showing({ confirmed: null });
    expect(await confirm()).toMatchObject({ durability: 'primary', isStandbyExpected: true });
    expect(looks()).toBe(1);
  });

  it('asks once for many who wait', async () => {
    const { confirm, looks } = showing({ confirmed: '900' }, {});
    const all = await Promise.all(Array.from({ length: 20 }, confirm));
    expect(new Set(all.map(({ durability }) => durability))).toEqual(new Set(['standby']));
    expect(looks()).toBe(2);
  });

  it('is confirmed although an earlier look hangs on a dead connection', async () => {
    let looks = 0;
    const rows = () => (looks++ === 0 ? new Promise(() => undefined) : Promise.resolve([STREAMING]));
    const standby = new StandbyConfirmation({ rows } as unknown as SqlExecutor, new DatabaseAvailability());
    const { confirmation } = await standby.confirm(async () => undefined);
    expect([confirmation.durability, looks]).toEqual(['standby', 2]);
  });

  it('is unknown if a standby was promoted meanwhile', async () => {
    const { standby, confirm } = showing({}, { timeline: '00000002' });
    await standby.look();
    await expect(confirm()).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await confirm()).toMatchObject({ durability: 'standby', position: { timeline: '00000002' } });
  });

  it('is unknown if a standby was promoted while it was worked on, though somebody else has seen it', async () => {
    const { standby } = showing({}, { timeline: '00000002' });
    await standby.look();
    const work = async (): Promise<void> => void (await standby.look());
    await expect(standby.confirm(work)).rejects.toMatchObject({ code: 'database_unavailable' });
  });

  it.each([
    ['does not answer', new Error('Connection terminated unexpectedly')],
    ['is a standby', { written: null, timeline: null }],
  ])('is unknown if the database %s', async (_, row) => {
    await expect(showing(row).confirm()).rejects.toBeDefined();
  });
});

describe('without a standby', () => {
  it('nobody waits, and not every commit asks', async () => {
    const { confirm, looks } = showing(ALONE);
    for (let i = 0; i < 3; i++)
      expect(await confirm()).toMatchObject({ durability: 'primary', isStandbyExpected: false });
    expect(looks()).toBe(1);
  });

  it('one is expected back if a slot is kept for it, or it was here before', async () => {
    expect(await showing({ ...ALONE, has_slot: true }).confirm()).toMatchObject({ isStandbyExpected: true });
    const { confirm, looks } = showing({}, ALONE);
    await confirm();
    expect(await confirm()).toMatchObject({ durability: 'primary', isStandbyExpected: true });
    expect(await confirm()).toMatchObject({ durability: 'primary', isStandbyExpected: true });
    expect(looks()).toBe(3);
  });
});
