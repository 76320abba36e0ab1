import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Database } from '../../../../src/database/database.ts';
import type { Confirmation, Replication } from '../../../../src/database/standby/standby-confirmation.ts';
import { UnconfirmedEndings } from '../../../../src/database/standby/unconfirmed-endings.ts';
import { AppError, notFound, serviceUnavailable } from '../../../../src/platform/problem.ts';
import { idleJobScheduler } from '../../../support/idle-job-scheduler.ts';
import { captureLog } from '../../../support/test-replica.ts';

const at = (lsn: bigint, timeline = '1') => ({ timeline, lsn });
const unconfirmed: Confirmation = { durability: 'primary', position: at(100n), isStandbyExpected: true };

function open() {
  let seen: Replication = { position: at(200n), confirmed: 50n };
  const database = { standby: { look: async () => seen } } as unknown as Database;
  const registry = new Registry();
  const endings = new UnconfirmedEndings(database, idleJobScheduler(), registry, captureLog().logger);
  const carriedOut: string[] = [];
  return {
    endings,
    carriedOut,
    add: (name: string, confirmation: Confirmation = unconfirmed, error: Error | null = null) =>
      endings.add(confirmation, async () => {
        carriedOut.push(name);
        if (error !== null) throw error;
      }),
    review: async (replication: Replication) => {
      seen = replication;
      await endings.job.runOnce();
    },
    kept: async () => (await registry.getSingleMetric('metavault_unconfirmed_endings')?.get())?.values[0]?.value,
  };
}

describe('an ending that no standby had', () => {
  it('is kept until one has it', async () => {
    const { add, review, kept, carriedOut } = open();
    add('ended');
    await review({ position: at(300n), confirmed: 99n });
    expect(await kept()).toBe(1);
    await review({ position: at(300n), confirmed: 100n });
    expect(await kept()).toBe(0);
    await review({ position: at(400n, '2'), confirmed: null });
    expect(carriedOut).toEqual([]);
  });

  it('is carried out again once if a standby was promoted, in order, and kept until another standby has it', async () => {
    const { add, review, kept, carriedOut } = open();
    add('first');
    add('second');
    await review({ position: at(90n, '2'), confirmed: null });
    await review({ position: at(95n, '2'), confirmed: null });
    expect(carriedOut).toEqual(['first', 'second']);
    expect(await kept()).toBe(2);
    await review({ position: at(95n, '2'), confirmed: 95n });
    expect(await kept()).toBe(0);
  });

  it('is done if it is refused, and tried again if the service or the database is in trouble', async () => {
    const { add, review, carriedOut } = open();
    add('gone', unconfirmed, new AppError(notFound));
    add('in trouble', unconfirmed, new AppError(serviceUnavailable));
    await review({ position: at(90n, '2'), confirmed: null });
    await review({ position: at(90n, '2'), confirmed: null });
    expect(carriedOut.filter((name) => name === 'in trouble')).toHaveLength(2);
  });

  it('is not kept where there is no standby, nor if a standby had it', async () => {
    const { add, kept } = open();
    add('alone', { ...unconfirmed, isStandbyExpected: false });
    add('safe', { ...unconfirmed, durability: 'standby' });
    expect(await kept()).toBe(0);
  });

  it('is forgotten if there are too many', async () => {
    const { add, kept } = open();
    for (let i = 0; i < 2_010; i++) add('one of many');
    expect(await kept()).toBe(2_000);
  });
});
