import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditLog, NewAuditEntry } from '../../../src/audit/audit-log.ts';
import { RefusalAuditor } from '../../../src/audit/refusal-auditor.ts';
import type { Refusal } from '../../../src/auth/refusal.ts';
import type { Database } from '../../../src/database/database.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { idleJobScheduler } from '../../support/idle-job-scheduler.ts';
import { captureLog } from '../../support/test-replica.ts';

let clock: FakeClock;
let written: NewAuditEntry[];
let isBroken: boolean;
let record: RefusalAuditor;
let log: ReturnType<typeof captureLog>;

beforeEach(() => {
  clock = new FakeClock();
  written = [];
  isBroken = false;
  log = captureLog();
  const audit = {
    record: async (_: unknown, fact: NewAuditEntry) => {
      if (isBroken) throw new Error('disk full');
      written.push(fact);
    },
  } as unknown as AuditLog;
  record = new RefusalAuditor({} as Database, audit, clock, log.logger, idleJobScheduler());
});

const refusal = (changes: Partial<Refusal> = {}): Refusal => ({
  kind: 'forbidden',
  source: 'cli_a',
  caller: { clientId: 'cli_a' },
  requestId: 'req_1',
  details: { reason: 'forbidden', route: 'GET /v1/clients' },
  ...changes,
});
const flood = async (times: number, changes: Partial<Refusal> = {}): Promise<void> => {
  for (let count = 0; count < times; count++) await record.report(refusal(changes));
};

describe('refusals', () => {
  it('are recorded at once, and repeats as one count after ten minutes', async () => {
    await flood(100);
    expect(written).toMatchObject([
      {
        action: 'access.refused',
        actor: { kind: 'client', id: 'cli_a' },
        requestId: 'req_1',
        details: { reason: 'forbidden', route: 'GET /v1/clients' },
      },
    ]);
    const since = clock.now().toISOString();
    clock.advance(599);
    await record.sweep();
    expect(written).toHaveLength(1);
    clock.advance(1);
    await record.sweep();
    expect(written[1]).toMatchObject({ requestId: null, details: { reason: 'forbidden', repeats: 99, since } });
  });

  it('that go on for an hour are one entry per ten minutes', async () => {
    for (let minute = 0; minute < 60; minute++) {
      await flood(50);
      clock.advance(60);
      await record.sweep();
    }
    expect(written).toHaveLength(7);
    const repeats = written.map(({ details }) => Number(details?.['repeats'] ?? 1));
    expect(repeats.reduce((sum, count) => sum + count, 0)).toBe(3000);
  });

  it('that are rare are one entry each and leave nothing in memory', async () => {
    for (let hour = 0; hour < 3; hour++) {
      await flood(1);
      clock.advance(3600);
      await record.sweep();
    }
    expect(written).toHaveLength(3);
    await record.onApplicationShutdown();
    expect(written).toHaveLength(3);
  });

  it('of another kind or source are recorded separately', async () => {
    await flood(3);
    await flood(3, { kind: 'rate_limited' });
    await flood(3, { source: 'cli_b', caller: { clientId: 'cli_b' } });
    expect(written).toHaveLength(3);
  });

  it('from ever new sources are bounded in memory and in the record', async () => {
    for (let index = 0; index < 5_000; index++) {
      await record.report(refusal({ kind: 'credential', source: `10.0.${index}`, caller: null }));
    }
    expect(written).toHaveLength(1_001);
    expect(written.at(-1)?.details).toEqual({ reason: 'forbidden', address: 'others' });
    await record.onApplicationShutdown();
    expect(written.at(-1)?.details).toMatchObject({ address: 'others', repeats: 3_999 });
  });

  it('are recorded at shutdown', async () => {
    await flood(5);
    await record.onApplicationShutdown();
    expect(written.map(({ details }) => details?.['repeats'])).toEqual([undefined, 4]);
  });

  it('stand if the audit entry cannot be written', async () => {
    isBroken = true;
    await flood(3);
    expect(log.lines).toHaveLength(1);
    expect(log.text()).toContain('could not record a refusal');
  });
});
