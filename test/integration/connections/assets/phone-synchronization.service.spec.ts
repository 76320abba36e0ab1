import { DataSource } from 'typeorm';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import type { PhoneCoexistence } from '../../../../src/connections/assets/phone-coexistence.ts';
import {
  PhoneSynchronizationService,
  type SynchronizationClaim,
} from '../../../../src/connections/assets/phone-synchronization.service.ts';
import type {
  PhoneSynchronization,
  SynchronizationKind,
} from '../../../../src/connections/connection/asset-details.ts';
import { dataSourceOptions } from '../../../../src/database/data-source-options.ts';
import { Database } from '../../../../src/database/database.ts';
import { type ConnectionsHarness, connect, createConnectionsHarness } from '../../../support/connections-harness.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { testConfig } from '../../../support/test-config.ts';
import { openTestVault } from '../../../support/test-vault.ts';

const PHONE = '320000000000001';
const HOUR = 3_600;
const by = { actor: SYSTEM, requestId: null };
const SIGNUP: PhoneCoexistence = { isOnBusinessApp: true, signup: 'confirmed' };
const LOGIN: PhoneCoexistence = { isOnBusinessApp: true, signup: 'assumed' };

describe('the one-time synchronization with two replicas', () => {
  let clock: FakeClock;
  let open: OpenDatabase;
  let harness: ConnectionsHarness;
  let another: DataSource;
  let replicas: [PhoneSynchronizationService, PhoneSynchronizationService];

  beforeEach(async () => {
    clock = new FakeClock();
    open = await openFreshDatabase();
    harness = createConnectionsHarness(open.database, clock, testConfig(), await openTestVault(open.database, clock));
    another = await new DataSource(dataSourceOptions(open.url)).initialize();
    const on = (database: Database) => new PhoneSynchronizationService(database, harness.audit, harness.outbox, clock);
    replicas = [on(open.database), on(Database.of(another))];
  });
  afterEach(async () => {
    await another.destroy();
    await open.close();
  });

  const onboard = (coexistence: PhoneCoexistence | null = SIGNUP) =>
    connect(harness, clock, {
      product: 'whatsapp',
      flow: 'embedded_signup',
      phones: [{ id: PHONE, wabaId: '310', ...(coexistence === null ? {} : { coexistence }) }],
    });
  const stored = async (): Promise<PhoneSynchronization | undefined> =>
    (
      await open.database.rows<{ synchronization: PhoneSynchronization | null }>({
        text: `SELECT details->'synchronization' AS synchronization FROM asset WHERE type = 'phone_number'`,
      })
    )[0]?.synchronization ?? undefined;
  const announced = async (): Promise<unknown[]> =>
    (
      await open.database.rows<{ data: unknown }>({
        text: `SELECT data FROM event WHERE type = 'connection.synchronization_expiring' ORDER BY position`,
      })
    ).map(({ data }) => data);
  async function claim(
    connectionId: `con_${string}`,
    kinds: SynchronizationKind[],
    replica = replicas[0],
  ): Promise<SynchronizationClaim> {
    const claimed = await replica.claim(connectionId, PHONE, kinds);
    if ('obstacle' in claimed) throw new Error(claimed.obstacle);
    return claimed;
  }

  it('gives each kind to only one of several concurrent callers', async () => {
    const id = await onboard();
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (replicas[index % 2] ?? replicas[0]).claim(id, PHONE, index % 3 === 0 ? ['contacts'] : ['contacts', 'history']),
      ),
    );
    const claimed = results.flatMap((result) => ('obstacle' in result ? [] : result.kinds));
    expect(claimed.sort()).toEqual(['contacts', 'history']);
  });

  it('reports an unknown outcome after a replica stopped, and allows another request after a while', async () => {
    const id = await onboard();
    const lost = await claim(id, ['history']);
    expect((await stored())?.history).toMatchObject({
      status: 'requested',
      outcome: 'unknown',
      detail: expect.any(String),
      remedy: expect.any(String),
    });
    clock.advance(299);
    expect(await replicas[1].claim(id, PHONE, ['history'])).toMatchObject({ obstacle: 'already_requested' });
    clock.advance(1);
    const next = await claim(id, ['history'], replicas[1]);
    // The first replica wakes up; its result no longer matches the claim.
    await replicas[0].record(lost, 'history', { status: 'failed', at: 'late' }, by);
    expect((await stored())?.history).toMatchObject({ outcome: 'unknown', at: next.claimedAt });
    await replicas[1].record(next, 'history', { status: 'requested', request_id: 'r2', at: 'now' }, by);
    expect((await stored())?.history).toEqual({ status: 'requested', request_id: 'r2', at: 'now' });
    const entries = await open.database.rows({
      text: `SELECT details->>'outcome' AS outcome, subject_id FROM audit_entry WHERE action LIKE 'phone_number.synchronization_%' ORDER BY id`,
    });
    expect(entries).toEqual([
      { outcome: 'failed', subject_id: PHONE },
      { outcome: 'requested', subject_id: PHONE },
    ]);
  });

  it('releases kinds that were not requested after all', async () => {
    const id = await onboard();
    const claimed = await claim(id, ['contacts', 'history']);
    await replicas[0].release(claimed, ['history']);
    expect(await stored()).toMatchObject({
      contacts: { outcome: 'unknown' },
      history: { status: 'not_requested' },
    });
  });

  it('writes nothing to a number that signed up again meanwhile', async () => {
    const id = await onboard();
    const claimed = await claim(id, ['contacts']);
    clock.advance(60);
    expect(await onboard()).toBe(id);
    await replicas[0].record(claimed, 'contacts', { status: 'requested', request_id: 'r1', at: 'now' }, by);
    expect((await stored())?.contacts).toEqual({ status: 'not_requested' });
  });

  it('keeps requests and the deadline across a login', async () => {
    const id = await onboard();
    const claimed = await claim(id, ['contacts']);
    await replicas[0].record(claimed, 'contacts', { status: 'requested', request_id: 'r1', at: 'then' }, by);
    const before = await stored();
    clock.advance(HOUR);
    await onboard(LOGIN);
    expect(await stored()).toEqual(before);
    await onboard(null);
    expect(await stored()).toEqual(before);
    await onboard({ isOnBusinessApp: false, signup: 'unknown' });
    expect(await stored()).toBeUndefined();
  });

  describe('that was not requested', () => {
    const announceOnBoth = () => Promise.all(replicas.map((replica) => replica.announceExpiring(10)));

    it('is announced once, four hours before its end', async () => {
      const id = await onboard();
      await replicas[0].record(await claim(id, ['contacts']), 'contacts', { status: 'requested', at: 'x' }, by);
      clock.advance(20 * HOUR - 1);
      await announceOnBoth();
      expect(await announced()).toEqual([]);
      clock.advance(1);
      await announceOnBoth();
      const expected = {
        connection_id: id,
        tenant: 'tenant-a',
        product: 'whatsapp',
        status: 'active',
        phone_number_id: PHONE,
        kinds: ['history'],
        deadline_at: '2026-11-23T12:00:00.000Z',
      };
      expect(await announced()).toEqual([expected]);
      clock.advance(HOUR);
      await onboard(LOGIN);
      await announceOnBoth();
      expect(await announced()).toEqual([expected]);
    });

    it('is announced again after another signup', async () => {
      await onboard();
      clock.advance(20 * HOUR);
      await announceOnBoth();
      await onboard();
      await announceOnBoth();
      expect(await announced()).toHaveLength(1);
      clock.advance(20 * HOUR);
      await announceOnBoth();
      expect(await announced()).toHaveLength(2);
    });

    it('is announced for a connection that needs its user, but not for a revoked one', async () => {
      const id = await onboard();
      await open.database.run({ text: `UPDATE connection SET status = 'reauth_required' WHERE id = $1`, values: [id] });
      clock.advance(20 * HOUR);
      await announceOnBoth();
      expect(await announced()).toMatchObject([{ status: 'reauth_required' }]);
      await onboard();
      await harness.revoke.revoke(id, { ...by, reason: 'test' });
      clock.advance(20 * HOUR);
      await announceOnBoth();
      expect(await announced()).toHaveLength(1);
    });

    it('is not announced when everything was requested, the window is over, or its end is unknown', async () => {
      const id = await onboard();
      const all = await claim(id, ['contacts', 'history']);
      for (const kind of all.kinds) await replicas[0].record(all, kind, { status: 'requested', at: 'x' }, by);
      clock.advance(20 * HOUR);
      await announceOnBoth();
      await onboard();
      clock.advance(24 * HOUR);
      await announceOnBoth();
      await onboard({ isOnBusinessApp: false, signup: 'unknown' });
      await onboard({ isOnBusinessApp: true, signup: 'unknown' });
      clock.advance(20 * HOUR);
      await announceOnBoth();
      expect(await announced()).toEqual([]);
    });
  });
});
