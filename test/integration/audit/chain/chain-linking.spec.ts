import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Registry } from 'prom-client';
import sql from 'sql-template-tag';
import { DataSource } from 'typeorm';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { insertEntriesSql } from '../../../../src/audit/audit-entry.repository.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import { ChainLinkingJob } from '../../../../src/audit/chain/chain-linking.job.ts';
import { ChainProgress } from '../../../../src/audit/chain/chain-progress.ts';
import { ChainVerifier } from '../../../../src/audit/chain/chain-verifier.ts';
import { deriveEntryKey } from '../../../../src/audit/chain/entry-mac.ts';
import { dataSourceOptions } from '../../../../src/database/data-source-options.ts';
import { Database } from '../../../../src/database/database.ts';
import { IntegrityFailures } from '../../../../src/database/integrity-failures.ts';
import { type AuditTestContext, openAuditTestContext } from '../../../support/audit-test-context.ts';
import { idleJobScheduler } from '../../../support/idle-job-scheduler.ts';
import { captureLog } from '../../../support/test-replica.ts';
import { until } from '../../../support/until.ts';

let audit: AuditTestContext;

beforeEach(async () => {
  audit = await openAuditTestContext();
});
afterEach(() => audit?.close());

describe('linking', () => {
  it('links every new entry once, in the order of ids', async () => {
    await audit.record(5);
    expect(await audit.chain.linkNewEntries()).toBe(5);
    expect(await audit.chain.linkNewEntries()).toBe(0);
    await audit.record(3);
    expect(await audit.chain.linkNewEntries()).toBe(3);
    const ids = await audit.linkedIds();
    expect(ids).toEqual([...ids].sort());
    expect(await audit.verifier.verify()).toMatchObject({
      valid: true,
      entries: 8,
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('links more than a batch', async () => {
    const ids = Array.from({ length: 4500 }, (_, n) => `aud_01kaph8t00${String(n).padStart(16, '0')}` as const);
    const { text, values } = insertEntriesSql(
      sql`SELECT n.id, '2026-11-22T12:00:00Z'::timestamptz, 'many', 'system', NULL::text, NULL::text, NULL::text, NULL::text,
        NULL::text, NULL::text, '{}'::json, n.key FROM unnest(${ids}::text[], ${ids.map((id) => deriveEntryKey(audit.ring, id))}::bytea[]) AS n (id, key)`,
    );
    await audit.sql(text, values);
    expect(await audit.chain.linkNewEntries()).toBe(4500);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 4500 });
  });

  it('does nothing for an empty record, which is valid', async () => {
    expect(await audit.verifier.verify()).toEqual({
      valid: true,
      entries: 0,
      prunedEntries: 0,
      unlinkedEntries: 0,
      faults: [],
      head: null,
      firstFault: null,
    });
  });

  it('links each entry once with several workers', async () => {
    await audit.record(300, 0.01);
    const counts = await Promise.all(
      Array.from({ length: 6 }, (_, index) => audit.chain.linkNewEntries('late', index % 2 === 0)),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 300 });
  });

  it('leaves the work to the worker that holds the lock, unless told to wait', async () => {
    await audit.record(1);
    await audit.database.transaction(async (tx) => {
      await tx.run({ text: 'SELECT pg_advisory_xact_lock(727003)' });
      expect(await audit.chain.linkNewEntries()).toBe(0);
    });
    expect(await audit.chain.linkNewEntries()).toBe(1);
  });

  it('links entries that commit after later ones were linked', async () => {
    await audit.record(1);
    await audit.database.transaction(async (slow) => {
      await audit.log.record(slow, { action: 'lease.issued', actor: SYSTEM });
      audit.clock.advance(10);
      await audit.record(2);
      expect(await audit.chain.linkNewEntries('recent')).toBe(3);
    });
    expect(await audit.chain.linkNewEntries('recent')).toBe(1);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 4 });
  });

  it('links entries that commit minutes late when looking back late', async () => {
    await audit.database.transaction(async (slow) => {
      await audit.log.record(slow, { action: 'lease.issued', actor: SYSTEM });
      audit.clock.advance(600);
      await audit.record(2);
      expect(await audit.chain.linkNewEntries('recent')).toBe(2);
    });
    expect(await audit.chain.linkNewEntries('recent')).toBe(0);
    expect(await audit.chain.linkNewEntries('late')).toBe(1);
  });

  it('links entries that commit minutes late within 180 turns, and new ones in each', async () => {
    await audit.database.transaction(async (slow) => {
      await audit.log.record(slow, { action: 'lease.issued', actor: SYSTEM });
      audit.clock.advance(600);
      await audit.record(2);
      expect(await audit.chain.linkNewEntries('turn')).toBe(2);
    });
    let linked = 0;
    for (let turn = 0; turn < 180; turn++) {
      await audit.record(1, 0.5);
      linked += await audit.chain.linkNewEntries('turn');
    }
    expect(linked).toBe(181);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 183 });
  });

  it('does not wait for writers, nor they for it', async () => {
    await audit.record(2);
    await audit.database.transaction(async (writer) => {
      await audit.log.record(writer, { action: 'lease.issued', actor: SYSTEM });
      expect(await audit.chain.linkNewEntries()).toBe(2);
      await audit.record(1);
    });
    await audit.database.transaction(async (worker) => {
      await worker.run({ text: 'SELECT pg_advisory_xact_lock(727003)' });
      await audit.record(1);
    });
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 5 });
  });

  it('counts unlinked entries', async () => {
    await audit.record(4);
    expect(await audit.chain.countUnlinked()).toBe(4);
    await audit.chain.linkNewEntries();
    await audit.record(2);
    expect(await audit.chain.countUnlinked()).toBe(2);
  });

  it('continues after a verification, and concurrent verifications share one walk', async () => {
    await audit.recordTenLinked();
    const results = await Promise.all([audit.verifier.verify(), audit.verifier.verify(), audit.verifier.verify()]);
    expect(new Set(results).size).toBe(1);
    await audit.record(1);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 11 });
  });
});

describe('a chain that is held up', () => {
  const holdLock = async (): Promise<() => Promise<void>> => {
    const attacker = new pg.Client({ connectionString: audit.url });
    attacker.on('error', () => undefined);
    await attacker.connect();
    await attacker.query('SELECT pg_advisory_lock(727003)');
    return () => attacker.end();
  };

  function createJob() {
    const log = captureLog();
    const registry = new Registry();
    const progress = new ChainProgress(audit.database, audit.chain, audit.clock, log.logger, registry);
    const integrity = new IntegrityFailures(log.logger, registry);
    const job = new ChainLinkingJob(audit.chain, progress, integrity, log.logger, registry, idleJobScheduler());
    const metric = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value;
    return { log, progress, job, heldUpSeconds: () => metric('metavault_audit_chain_held_up_seconds'), metric };
  }

  it('is reported by metric, log and readiness after a while, and so is its end', async () => {
    const { log, progress, job, heldUpSeconds } = createJob();
    const release = await holdLock();
    await audit.record(3);
    await job.tick();
    expect([progress.holdUp, await heldUpSeconds()]).toEqual([null, 0]);
    audit.clock.advance(60);
    await job.tick();
    await job.tick();
    expect(progress.holdUp).toMatchObject({ reason: 'locked', since: expect.any(Date) });
    expect(await heldUpSeconds()).toBeGreaterThanOrEqual(60);
    const told = log.lines.filter(({ reason }) => reason === 'locked');
    expect(told).toMatchObject([{ level: 50, holder: { pid: expect.any(Number), role: expect.any(String) } }]);
    await release();
    await until(async () => {
      await job.tick();
      return progress.holdUp === null;
    });
    expect(await heldUpSeconds()).toBe(0);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 3, unlinkedEntries: 0 });
  });

  it('is not reported while another replica links or nothing is waiting', async () => {
    const { progress, job } = createJob();
    const release = await holdLock();
    await job.tick();
    audit.clock.advance(60);
    await job.tick();
    expect(progress.holdUp).toBeNull();
    await release();
  });

  it('is invalid while entries wait, and a verification does not hang', async () => {
    await audit.recordTenLinked();
    const release = await holdLock();
    await audit.record(2);
    const { valid, faults, unlinkedEntries } = await audit.verifier.verify();
    expect([valid, unlinkedEntries, faults.map(({ kind }) => kind)]).toEqual([false, 2, ['held_up']]);
    await release();
  });

  it.each(['audit_link', 'audit_head'])('by a trigger that swallows rows of %s is reported', async (table) => {
    const { progress, job, metric } = createJob();
    await audit.sql(`CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`);
    await audit.sql(`CREATE TRIGGER evil BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION swallow()`);
    await audit.record(1);
    await job.tick();
    audit.clock.advance(60);
    await job.tick();
    expect(progress.holdUp?.reason).toBe('failing');
    expect(await metric('metavault_integrity_failures_total')).toBe(2);
    expect(await audit.linkedIds()).toHaveLength(0);
  });
});

describe('the session settings', () => {
  it('do not affect MACs: time zone and date style', async () => {
    await audit.recordTenLinked();
    for (const setting of [`TimeZone = 'Asia/Kolkata'`, `DateStyle = 'German, DMY'`, `IntervalStyle = 'iso_8601'`]) {
      await audit.database.run({ text: `ALTER DATABASE "${new URL(audit.url).pathname.slice(1)}" SET ${setting}` });
    }
    const source = await new DataSource(dataSourceOptions(audit.url)).initialize();
    try {
      const database = Database.of(source);
      const there = new AuditChain(database, audit.clock, audit.ring);
      const verifier = new ChainVerifier(database, audit.clock, there, audit.ring, audit.audited);
      expect(await verifier.verify()).toMatchObject({
        valid: true,
        entries: 10,
      });
    } finally {
      await source.destroy();
    }
  });
});
