import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { insertLinks, readTip } from '../../../../src/audit/chain/audit-link.repository.ts';
import { AuditPruner } from '../../../../src/audit/chain/audit-pruner.ts';
import type { PrunedEntry } from '../../../../src/audit/chain/audit-pruning.repository.ts';
import { LINKS_PER_BATCH } from '../../../../src/audit/chain/chain-verification.query.ts';
import { UnusablePlaceError } from '../../../../src/audit/chain/verified-place.ts';
import { IntegrityError } from '../../../../src/database/integrity-failures.ts';
import { listPartitions, makePartition } from '../../../../src/database/partitions/partition.repository.ts';
import { definedStatements } from '../../../../src/database/statement.ts';
import { DAY_SECONDS } from '../../../../src/platform/duration.ts';
import { buildStatement } from '../../../architecture/build-statement.ts';
import { type AuditTestContext, openAuditTestContext } from '../../../support/audit-test-context.ts';

const TABLES = ['audit_entry', 'audit_link'] as const;

let audit: AuditTestContext;
/** When the first partitions end. */
let firstEnd: Date;

beforeEach(async () => {
  audit = await openAuditTestContext();
  const [first] = await listPartitions(audit.database, 'audit_link');
  if (first === undefined) throw new Error('audit_link has no partitions');
  firstEnd = first.until;
});
afterEach(() => audit?.close());

const daysAfter = (days: number): Date => new Date(firstEnd.getTime() + days * DAY_SECONDS * 1_000);
const setTime = (at: Date): void => audit.clock.set(at.toISOString());

async function makePartitions(): Promise<void> {
  for (const table of TABLES) {
    for (const days of [0, 30])
      await makePartition(audit.database, table, { from: daysAfter(days), until: daysAfter(days + 30) });
  }
}

/** Five entries on each side of a border between two partitions, linked in the order of their ids. */
async function recordAcross(border: Date): Promise<void> {
  setTime(new Date(border.getTime() - 5_000));
  await audit.record(10);
  await audit.chain.linkNewEntries();
}

async function linksByPartition(): Promise<Record<string, number[]>> {
  const rows = await audit.database.rows<{ name: string; positions: string[] }>({
    text: 'SELECT tableoid::regclass::text AS name, array_agg(position ORDER BY position) AS positions FROM audit_link GROUP BY 1',
  });
  return Object.fromEntries(rows.map(({ name, positions }) => [name.replace(/\d{8}$/, 'DAY'), positions.map(Number)]));
}

describe('links', () => {
  it('lie in the partition of the time of their entry, and make up one chain', async () => {
    await makePartitions();
    await recordAcross(firstEnd);
    expect(await linksByPartition()).toEqual({ audit_link_first: [1, 2, 3, 4, 5], audit_link_DAY: [6, 7, 8, 9, 10] });
    // An entry from before the border, committed late.
    audit.clock.advance(-10);
    await audit.record(1);
    expect(await audit.chain.linkNewEntries()).toBe(1);
    expect((await linksByPartition())['audit_link_first']).toEqual([1, 2, 3, 4, 5, 11]);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 11 });
  });

  it('are refused for a position or an entry that the partition has', async () => {
    await makePartitions();
    await recordAcross(firstEnd);
    const [first] = await audit.linkedIds();
    const insert = (position: number, entryId: string) =>
      audit.sql(`INSERT INTO audit_link VALUES ($1, $2, '\\x00')`, [position, entryId]);
    await expect(insert(99, first ?? '')).rejects.toMatchObject({ code: '23505' });
    await expect(insert(3, 'aud_0')).rejects.toMatchObject({ code: '23505' });
    await expect(insert(8, `${(await audit.linkedIds())[7]}0`)).rejects.toMatchObject({ code: '23505' });
    await insert(3, 'aud_zzzz');
    await expect(insert(3, 'aud_zzzz0')).rejects.toMatchObject({ code: '23505' });
  });

  it('are not inserted by the service for a position that another partition has', async () => {
    await audit.recordTenLinked();
    await audit.sql(`INSERT INTO audit_link VALUES (11, 'aud_zzzz', '\\x00')`);
    const { head } = await readTip(audit.database);
    if (head === null) throw new Error('the chain has no head');
    const links = [{ entryId: 'aud_0' as const, mac: Buffer.alloc(32) }];
    await expect(
      audit.database.transaction((tx) => insertLinks(tx, links, { ...head, entries: 11 })),
    ).rejects.toBeInstanceOf(IntegrityError);
    expect(await audit.linkedIds()).not.toContain('aud_0');
  });

  it('are inserted without a look at all others', async () => {
    await audit.sql(`INSERT INTO audit_link SELECT n, 'aud_' || n, '\\x00' FROM generate_series(1, 10000) n`);
    const insert = definedStatements().get('audit_link_insert');
    if (insert === undefined) throw new Error('there is no such statement');
    const { text } = buildStatement(insert, {});
    const plan = await audit.database.rows<{ 'QUERY PLAN': string }>({ text: `EXPLAIN (GENERIC_PLAN) ${text}` });
    const lines = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(lines).toContain('Index Only Scan Backward using audit_link_first_pkey');
    expect(lines).not.toContain('Seq Scan on audit_link');
  });
});

describe('a verification detects a second link of a position', () => {
  /** Hides an entry without a MAC behind a link in another partition. */
  async function hide(position: number): Promise<void> {
    await audit.sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_forged', now(), 'x', 'system', '{}')`,
    );
    await audit.sql(`INSERT INTO audit_link SELECT position, 'aud_forged', mac FROM audit_link WHERE position = $1`, [
      position,
    ]);
  }

  it.each([1, 7])('in the chain: %s', async (position) => {
    await audit.recordTenLinked();
    await hide(position);
    expect((await audit.verifier.verify()).valid).toBe(false);
  });

  it('where a batch of them ends', async () => {
    for (let n = 0; n < 3; n++) {
      const entries = Array.from({ length: LINKS_PER_BATCH / 2 }, () => ({
        action: 'lease.issued' as const,
        actor: SYSTEM,
      }));
      await audit.log.recordAll(audit.database, entries);
      await audit.chain.linkNewEntries();
    }
    expect((await audit.verifier.verify()).valid).toBe(true);
    await hide(LINKS_PER_BATCH);
    const { faults } = await audit.verifier.verify();
    expect(faults.map(({ kind }) => kind)).toContain('missing_link');
  });

  it('that an earlier verification has checked, before which no link may come either', async () => {
    await audit.recordTenLinked();
    let place = null;
    await audit.verifier.verifyFrom(null, ({ soundUpTo }) => {
      place = soundUpTo;
    });
    expect(place).toMatchObject({ position: 10 });
    await hide(4);
    await expect(audit.verifier.verifyFrom(place, () => undefined)).rejects.toThrow(UnusablePlaceError);
    await audit.sql(`UPDATE audit_link SET position = -4 WHERE entry_id = 'aud_forged'`);
    await expect(audit.verifier.verifyFrom(place, () => undefined)).rejects.toThrow(UnusablePlaceError);
  });
});

describe('pruning', () => {
  const names = async (table: (typeof TABLES)[number]): Promise<string[]> =>
    (await listPartitions(audit.database, table)).map(({ name }) => name.replace(/\d{8}$/, 'DAY'));

  it('drops the partition of the links with that of their entries', async () => {
    await makePartitions();
    await recordAcross(firstEnd);
    await recordAcross(daysAfter(30));
    const pruner = new AuditPruner(audit.database, audit.clock, audit.ring, audit.log, audit.verifier, audit.ring);
    const archived: PrunedEntry[] = [];
    setTime(daysAfter(32));
    // Prunes into the second partition: only the first is empty afterwards.
    expect(await pruner.prune(SYSTEM, daysAfter(1), (entries) => archived.push(...entries))).toBe(10);
    for (const table of TABLES) expect(await names(table)).toEqual([`${table}_DAY`, `${table}_DAY`]);
    expect(await pruner.prune(SYSTEM, daysAfter(30), (entries) => archived.push(...entries))).toBe(5);
    for (const table of TABLES) expect(await names(table)).toEqual([`${table}_DAY`]);
    expect(archived.map(({ position }) => position)).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, prunedEntries: 15 });
  });
});
