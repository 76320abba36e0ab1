import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import sql from 'sql-template-tag';
import { DataSource } from 'typeorm';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { insertEntriesSql } from '../../../../src/audit/audit-entry.repository.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import { ChainVerifier } from '../../../../src/audit/chain/chain-verifier.ts';
import { deriveEntryKey } from '../../../../src/audit/chain/entry-mac.ts';
import { dataSourceOptions } from '../../../../src/database/data-source-options.ts';
import { Database } from '../../../../src/database/database.ts';
import { type AuditTestContext, openAuditTestContext } from '../../../support/audit-test-context.ts';

let audit: AuditTestContext;

beforeEach(async () => {
  audit = await openAuditTestContext();
});
afterEach(() => audit?.close());

describe('linking', () => {
  it('takes every entry once, in the order of ids, and only what is new', async () => {
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

  it('takes more than a batch', async () => {
    const ids = Array.from({ length: 4500 }, (_, n) => `aud_01kaph8t00${String(n).padStart(16, '0')}` as const);
    const { text, values } = insertEntriesSql(
      sql`SELECT n.id, '2026-11-22T12:00:00Z'::timestamptz, 'many', 'system', NULL::text, NULL::text, NULL::text, NULL::text,
        NULL::text, NULL::text, '{}'::json, n.key FROM unnest(${ids}::text[], ${ids.map((id) => deriveEntryKey(audit.ring, id))}::bytea[]) AS n (id, key)`,
    );
    await audit.sql(text, values);
    expect(await audit.chain.linkNewEntries()).toBe(4500);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 4500 });
  });

  it('of an empty record is nothing, and valid', async () => {
    expect(await audit.verifier.verify()).toEqual({
      valid: true,
      entries: 0,
      prunedEntries: 0,
      head: null,
      firstFault: null,
    });
  });

  it('by several workers at once links each entry once', async () => {
    await audit.record(300, 0.01);
    const counts = await Promise.all(
      Array.from({ length: 6 }, (_, index) => audit.chain.linkNewEntries('late', index % 2 === 0)),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 300 });
  });

  it('leaves the work to the worker that has it, unless told to wait', async () => {
    await audit.record(1);
    await audit.database.transaction(async (tx) => {
      await tx.run({ text: 'SELECT pg_advisory_xact_lock(727003)' });
      expect(await audit.chain.linkNewEntries()).toBe(0);
    });
    expect(await audit.chain.linkNewEntries()).toBe(1);
  });

  it('takes entries that commit late, after later ones were linked', async () => {
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

  it('takes entries that commit minutes late with the long look back', async () => {
    await audit.database.transaction(async (slow) => {
      await audit.log.record(slow, { action: 'lease.issued', actor: SYSTEM });
      audit.clock.advance(600);
      await audit.record(2);
      expect(await audit.chain.linkNewEntries('recent')).toBe(2);
    });
    expect(await audit.chain.linkNewEntries('recent')).toBe(0);
    expect(await audit.chain.linkNewEntries('late')).toBe(1);
  });

  it('waits for no writer, and no writer waits for it', async () => {
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

  it('tells how much waits', async () => {
    await audit.record(4);
    expect(await audit.chain.countUnlinked()).toBe(4);
    await audit.chain.linkNewEntries();
    await audit.record(2);
    expect(await audit.chain.countUnlinked()).toBe(2);
  });

  it('goes on after a verification found nothing wrong, and verifications at once share one walk', async () => {
    await audit.recordTenLinked();
    const results = await Promise.all([audit.verifier.verify(), audit.verifier.verify(), audit.verifier.verify()]);
    expect(new Set(results).size).toBe(1);
    await audit.record(1);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 11 });
  });
});

describe('the session', () => {
  it('has no say in what is proven: time zone and date style change nothing', async () => {
    await audit.recordTenLinked();
    for (const setting of [`TimeZone = 'Asia/Kolkata'`, `DateStyle = 'German, DMY'`, `IntervalStyle = 'iso_8601'`]) {
      await audit.database.run({ text: `ALTER DATABASE "${new URL(audit.url).pathname.slice(1)}" SET ${setting}` });
    }
    const source = await new DataSource(dataSourceOptions(audit.url)).initialize();
    try {
      const database = Database.of(source);
      const there = new AuditChain(database, audit.clock, audit.ring);
      expect(await new ChainVerifier(database, audit.clock, there, audit.ring).verify()).toMatchObject({
        valid: true,
        entries: 10,
      });
    } finally {
      await source.destroy();
    }
  });
});
