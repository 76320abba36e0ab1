import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addSeconds } from '../../../src/platform/clock.ts';
import { WebhookRetention } from '../../../src/webhooks/webhook-retention.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';

const DAY = 86_400;
const clock = new FakeClock();
let open: OpenDatabase;

beforeAll(async () => {
  open = await openFreshDatabase();
});
afterAll(() => open?.close());

const keep = (name: string, ageDays: number): Promise<number> =>
  open.database.run({
    text: `INSERT INTO webhook_entry (hash, object, received_at) VALUES (sha256($1::bytea), 'page', $2)`,
    values: [Buffer.from(name), addSeconds(clock.now(), -ageDays * DAY)],
  });
const count = async (): Promise<number> => (await open.database.rows({ text: 'SELECT 1 FROM webhook_entry' })).length;

describe('received webhooks', () => {
  const registered: string[] = [];
  const retentionService = { register: (what: string) => void registered.push(what) } as never;

  it('are deleted by nightly maintenance', () => {
    new WebhookRetention(open.database, retentionService, clock).onModuleInit();
    expect(registered).toEqual(['received webhooks']);
  });

  it('are deleted after their retention, but never within the eight days in which Meta repeats', async () => {
    const retention = new WebhookRetention(open.database, retentionService, clock);
    for (const age of [0, 7, 9, 29, 31, 40]) await keep(`age ${age}`, age);
    expect(await retention.purge(addSeconds(clock.now(), -30 * DAY), 1)).toBe(1);
    expect(await retention.purge(addSeconds(clock.now(), -30 * DAY), 100)).toBe(1);
    expect(await count()).toBe(4);
    expect(await retention.purge(addSeconds(clock.now(), -1 * DAY), 100)).toBe(2);
    expect(await count()).toBe(2);
  });
});
