import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AuditChain } from '../../../src/audit/audit-chain.ts';
import { AuditLog, SYSTEM } from '../../../src/audit/audit-log.ts';
import { ENTRY_FIELDS, GENESIS_MAC, headSeal, linkMac } from '../../../src/audit/chain-encoding.ts';
import { type ChainFault, ChainVerifier } from '../../../src/audit/chain-verifier.ts';
import { entryKey, insertEntries } from '../../../src/audit/entry-mac.ts';
import { dataSourceOptions } from '../../../src/database/data-source-options.ts';
import { Database } from '../../../src/database/database.ts';
import { Ids } from '../../../src/platform/ids.ts';
import { SystemRandom } from '../../../src/platform/random.ts';
import type { KeyRing } from '../../../src/vault/key-ring.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/database.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestVault } from '../../support/vault.ts';

let open: OpenDatabase;
let clock: FakeClock;
let ring: KeyRing;
let log: AuditLog;
let chain: AuditChain;
let verifier: ChainVerifier;

beforeEach(async () => {
  open = await openFreshDatabase();
  clock = new FakeClock();
  ({ ring } = await openTestVault(open.database, clock));
  log = new AuditLog(clock, new Ids(clock, new SystemRandom()), ring);
  chain = new AuditChain(open.database, clock, ring);
  verifier = new ChainVerifier(open.database, clock, chain, ring);
});

afterEach(() => open.close());

async function record(count: number, secondsApart = 1): Promise<void> {
  for (let index = 0; index < count; index++) {
    await log.record(open.database, { action: 'test.happened', actor: SYSTEM, tenant: 'acme', details: { index } });
    clock.advance(secondsApart);
  }
}

/** Ten entries of ten minutes, linked. */
async function tenLinked(): Promise<string[]> {
  await record(10, 600);
  expect(await chain.linkNew()).toBe(10);
  return linkedIds();
}

async function linkedIds(): Promise<string[]> {
  const rows = await open.database.rows<{ entry_id: string }>({
    text: 'SELECT entry_id FROM audit_link ORDER BY position',
  });
  return rows.map((row) => row.entry_id);
}

const sql = (text: string, values: unknown[] = []) => open.database.run({ text, values });

async function idsAfter(id: string): Promise<string[]> {
  const rows = await open.database.rows<{ id: string }>({
    text: 'SELECT id FROM audit_entry WHERE id > $1 ORDER BY id',
    values: [id],
  });
  return rows.map((row) => row.id);
}

/** The id right after another, as somebody would choose it who wants an entry to stand beside that one. */
const sibling = (id: string): string => `${id.slice(0, -1)}${id.endsWith('z') ? 'y' : 'z'}`;

/** A copy of an entry under another id, with a MAC that SQL gives. */
async function forge(id: string, like: string, mac: string): Promise<void> {
  await sql(
    `INSERT INTO audit_entry SELECT $1, at, action, actor_kind, actor_id, tenant, product, connection_id, subject_id,
      request_id, details, ${mac} FROM audit_entry WHERE id = $2`,
    [id, like],
  );
}

async function fault(): Promise<ChainFault | null> {
  const { valid, brokenAt } = await verifier.verify();
  expect(valid).toBe(brokenAt === null);
  return brokenAt;
}

describe('linking', () => {
  it('takes every entry once, in the order of ids, and only what is new', async () => {
    await record(5);
    expect(await chain.linkNew()).toBe(5);
    expect(await chain.linkNew()).toBe(0);
    await record(3);
    expect(await chain.linkNew()).toBe(3);
    const ids = await linkedIds();
    expect(ids).toEqual([...ids].sort());
    expect(await verifier.verify()).toMatchObject({
      valid: true,
      entries: 8,
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('takes more than a batch', async () => {
    const ids = Array.from({ length: 4500 }, (_, n) => `aud_01kaph8t00${String(n).padStart(16, '0')}`);
    await sql(
      insertEntries(`SELECT n.id, '2026-11-22T12:00:00Z'::timestamptz, 'many', 'system', NULL::text, NULL::text, NULL::text, NULL::text,
        NULL::text, NULL::text, '{}'::json, n.key FROM unnest($1::text[], $2::bytea[]) AS n (id, key)`),
      [ids, ids.map((id) => entryKey(ring, id))],
    );
    expect(await chain.linkNew()).toBe(4500);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 4500 });
  });

  it('of an empty record is nothing, and valid', async () => {
    expect(await verifier.verify()).toEqual({ valid: true, entries: 0, prunedEntries: 0, head: null, brokenAt: null });
  });

  it('by several workers at once links each entry once', async () => {
    await record(300, 0.01);
    const counts = await Promise.all(Array.from({ length: 6 }, (_, index) => chain.linkNew('late', index % 2 === 0)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 300 });
  });

  it('leaves the work to the worker that has it, unless told to wait', async () => {
    await record(1);
    await open.database.transaction(async (tx) => {
      await tx.run({ text: 'SELECT pg_advisory_xact_lock(727003)' });
      expect(await chain.linkNew()).toBe(0);
    });
    expect(await chain.linkNew()).toBe(1);
  });

  it('takes entries that commit late, after later ones were linked', async () => {
    await record(1);
    await open.database.transaction(async (slow) => {
      await log.record(slow, { action: 'test.slow', actor: SYSTEM });
      clock.advance(10);
      await record(2);
      expect(await chain.linkNew('recent')).toBe(3);
    });
    expect(await chain.linkNew('recent')).toBe(1);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 4 });
  });

  it('takes entries that commit minutes late with the long look back', async () => {
    await open.database.transaction(async (slow) => {
      await log.record(slow, { action: 'test.slow', actor: SYSTEM });
      clock.advance(600);
      await record(2);
      expect(await chain.linkNew('recent')).toBe(2);
    });
    expect(await chain.linkNew('recent')).toBe(0);
    expect(await chain.linkNew('late')).toBe(1);
  });

  it('waits for no writer, and no writer waits for it', async () => {
    await record(2);
    await open.database.transaction(async (writer) => {
      await log.record(writer, { action: 'test.writing', actor: SYSTEM });
      expect(await chain.linkNew()).toBe(2);
      await record(1);
    });
    await open.database.transaction(async (worker) => {
      await worker.run({ text: 'SELECT pg_advisory_xact_lock(727003)' });
      await record(1);
    });
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 5 });
  });

  it('tells how much waits', async () => {
    await record(4);
    expect(await chain.countUnlinked()).toBe(4);
    await chain.linkNew();
    await record(2);
    expect(await chain.countUnlinked()).toBe(2);
  });

  it('goes on after a verification found nothing wrong, and verifications at once share one walk', async () => {
    await tenLinked();
    const results = await Promise.all([verifier.verify(), verifier.verify(), verifier.verify()]);
    expect(new Set(results).size).toBe(1);
    await record(1);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 11 });
  });
});

describe('an entry', () => {
  const columns: [string, string][] = [
    ['at', `at + interval '1 microsecond'`],
    ['action', `'test.other'`],
    ['actor_kind', `'operator'`],
    ['actor_id', `'cli_x'`],
    ['tenant', `'other'`],
    ['tenant', 'NULL'],
    ['product', `''`],
    ['connection_id', `'con_x'`],
    ['subject_id', `'sub_x'`],
    ['request_id', `''`],
    ['details', `'{"index":4 }'`],
  ];

  it.each(columns)('whose %s became %s shows', async (column, value) => {
    const ids = await tenLinked();
    await sql(`UPDATE audit_entry SET ${column} = ${value} WHERE id = $1`, [ids[4]]);
    expect(await fault()).toEqual({ reason: 'changed', position: 5, entryId: ids[4] });
  });

  it('that is missing shows, the last one too', async () => {
    const ids = await tenLinked();
    await sql('DELETE FROM audit_entry WHERE id = $1', [ids[9]]);
    expect(await fault()).toEqual({ reason: 'missing_entry', position: 10, entryId: ids[9] });
    await sql('DELETE FROM audit_entry WHERE id = $1', [ids[2]]);
    expect(await fault()).toEqual({ reason: 'missing_entry', position: 3, entryId: ids[2] });
  });

  it('that is missing together with its link shows', async () => {
    const ids = await tenLinked();
    await sql('DELETE FROM audit_entry WHERE id = $1', [ids[2]]);
    await sql('DELETE FROM audit_link WHERE entry_id = $1', [ids[2]]);
    expect(await fault()).toMatchObject({ reason: 'missing_link', position: 3 });
  });

  it('that is missing together with its link, with the rest moved up, shows', async () => {
    const ids = await tenLinked();
    await sql('DELETE FROM audit_entry WHERE id = $1', [ids[2]]);
    await sql('DELETE FROM audit_link WHERE entry_id = $1', [ids[2]]);
    for (let position = 4; position <= 10; position++) {
      await sql('UPDATE audit_link SET position = position - 1 WHERE position = $1', [position]);
    }
    expect(await fault()).toMatchObject({ reason: 'changed', position: 3 });
  });

  it('that changed places with another shows', async () => {
    const [, second, third] = await tenLinked();
    await sql(`UPDATE audit_link SET entry_id = 'aside' WHERE entry_id = $1`, [second]);
    await sql('UPDATE audit_link SET entry_id = $1 WHERE entry_id = $2', [second, third]);
    await sql(`UPDATE audit_link SET entry_id = $1 WHERE entry_id = 'aside'`, [third]);
    expect(await fault()).toMatchObject({ reason: 'changed', position: 2 });
  });

  it('whose link changed places with another shows', async () => {
    await tenLinked();
    await sql('UPDATE audit_link SET position = 99 WHERE position = 2');
    await sql('UPDATE audit_link SET position = 2 WHERE position = 3');
    await sql('UPDATE audit_link SET position = 3 WHERE position = 99');
    expect(await fault()).toMatchObject({ reason: 'changed', position: 2 });
  });

  it.each([
    ['in the past, with the MAC of another', 3, 'mac'],
    ['in the past, without a MAC', 3, 'NULL::bytea'],
    ['beside the youngest, with the MAC of another', 9, 'mac'],
    ['beside the youngest, without a MAC', 9, 'NULL::bytea'],
    ['beside the youngest, with a MAC made up', 9, `decode(repeat('ab', 32), 'hex')`],
  ])('that was put in by hand %s shows, and is not taken up', async (_, beside, mac) => {
    const ids = await tenLinked();
    const forged = sibling(ids[beside] ?? '');
    await forge(forged, ids[beside] ?? '', mac);
    expect(await fault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    await record(3);
    expect(await fault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    const linked = await linkedIds();
    expect(linked.slice(0, 10)).toEqual(ids);
    expect(linked).toHaveLength(13);
    expect(linked).not.toContain(forged);
    await sql('DELETE FROM audit_entry WHERE id = $1', [forged]);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 13 });
  });

  it('that was put in by hand is told once, and more of them than a batch hold up nobody', async () => {
    await record(1);
    await sql(`INSERT INTO audit_entry (id, at, action, actor_kind, details)
      SELECT left(id, 14) || lpad(n::text, 16, '0'), at, action, actor_kind, details FROM audit_entry, generate_series(1, 2500) n`);
    await record(2);
    const heard: string[] = [];
    expect(await chain.linkNew('recent', false, (id) => heard.push(id))).toBe(3);
    expect(new Set(heard).size).toBe(2500);
    expect(await fault()).toMatchObject({ reason: 'forged', position: null });
  });

  it('that was changed in the moment before it is chained shows', async () => {
    await tenLinked();
    await record(1);
    const [id] = await idsAfter((await linkedIds())[9] ?? '');
    await sql(`UPDATE audit_entry SET tenant = 'other' WHERE id = $1`, [id]);
    expect(await fault()).toEqual({ reason: 'forged', position: null, entryId: id });
  });

  it('whose own MAC was taken away or changed shows', async () => {
    const ids = await tenLinked();
    await sql('UPDATE audit_entry SET mac = NULL WHERE id = $1', [ids[4]]);
    expect(await fault()).toEqual({ reason: 'changed', position: 5, entryId: ids[4] });
    await sql('UPDATE audit_entry SET mac = NULL');
    expect(await fault()).toMatchObject({ reason: 'changed', position: 1 });
  });

  it('of ours that turns up in the past, by whatever way, shows', async () => {
    await tenLinked();
    clock.advance(-3_600);
    await record(1);
    clock.advance(3_600);
    expect(await fault()).toMatchObject({ reason: 'unlinked', position: null });
    expect(await linkedIds()).toHaveLength(10);
  });

  it('that was put into the future shows, and closes the past to nobody', async () => {
    await tenLinked();
    const forged = `aud_7zzzzzzzzz${'0'.repeat(16)}`;
    await sql(`INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ($1, now(), 'x', 'system', '{}')`, [
      forged,
    ]);
    expect(await fault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    await record(1);
    expect(await chain.linkNew()).toBe(1);
  });

  it('that was put into the middle with a link of its own shows', async () => {
    const ids = await tenLinked();
    for (let position = 10; position >= 4; position--) {
      await sql('UPDATE audit_link SET position = position + 1 WHERE position = $1', [position]);
    }
    await sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_forged', now(), 'x', 'system', '{}')`,
    );
    await sql(`INSERT INTO audit_link SELECT 4, 'aud_forged', mac FROM audit_link WHERE entry_id = $1`, [ids[2]]);
    expect(await fault()).toMatchObject({ reason: 'changed', position: 4 });
  });

  it('that hides behind a link outside of the chain shows', async () => {
    await tenLinked();
    await sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_0', now(), 'x', 'system', '{}')`,
    );
    await sql(`INSERT INTO audit_link VALUES (-5, 'aud_0', '\\x00')`);
    expect(await fault()).toMatchObject({ reason: 'missing_link', position: 1 });
  });
});

describe('a record from before entries had MACs', () => {
  /** Entries and links as the version before wrote them. */
  async function fromBefore(): Promise<string[]> {
    await record(3, 600);
    await sql('UPDATE audit_entry SET mac = NULL');
    const rows = await open.database.rows<{ id: string; fields: (string | null)[] }>({
      text: `SELECT e.id, ${ENTRY_FIELDS} AS fields FROM audit_entry e ORDER BY e.id`,
    });
    let mac: Buffer = GENESIS_MAC;
    for (const [index, row] of rows.entries()) {
      mac = linkMac(ring, index + 1, mac, row.fields, null);
      await sql('INSERT INTO audit_link VALUES ($1, $2, $3)', [index + 1, row.id, mac]);
    }
    await sql('INSERT INTO audit_head VALUES (1, 3, $1, $2)', [mac, headSeal(ring, 3, mac)]);
    return rows.map((row) => row.id);
  }

  /** An entry as a replica of the version before writes it, or somebody by hand. */
  async function recordWithout(): Promise<string> {
    await record(1);
    const [id = ''] = (await idsAfter('')).slice(-1);
    await sql('UPDATE audit_entry SET mac = NULL WHERE id = $1', [id]);
    return id;
  }

  it('holds, goes on, and takes entries of replicas of that version for an hour, no longer', async () => {
    await fromBefore();
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 3 });
    await record(1, 600);
    await recordWithout();
    expect(await chain.linkNew()).toBe(2);
    clock.advance(4_000);
    const forged = await recordWithout();
    await record(1);
    expect(await fault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    await sql('DELETE FROM audit_entry WHERE id = $1', [forged]);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 6 });
  });

  it('shows an entry without a MAC that was linked because somebody made the head forget', async () => {
    await fromBefore();
    await record(1, 4_000);
    await chain.linkNew();
    await sql('UPDATE audit_head SET macs_from = NULL');
    const forged = await recordWithout();
    expect(await fault()).toEqual({ reason: 'forged', position: 5, entryId: forged });
  });
});

describe('the end of the chain', () => {
  async function cutOff(ids: string[], entriesToo: boolean): Promise<void> {
    await sql('DELETE FROM audit_link WHERE position > 8');
    if (entriesToo) await sql('DELETE FROM audit_entry WHERE id = ANY ($1)', [ids.slice(8)]);
  }

  it.each([true, false])('that is cut off shows (its entries too: %s)', async (entriesToo) => {
    await cutOff(await tenLinked(), entriesToo);
    expect(await fault()).toEqual({ reason: 'cut_off', position: 9, entryId: null });
  });

  it('that is cut off with a head made to fit shows', async () => {
    await cutOff(await tenLinked(), true);
    await sql('UPDATE audit_head SET entries = 8, mac = (SELECT mac FROM audit_link WHERE position = 8)');
    expect(await fault()).toMatchObject({ reason: 'head_changed' });
  });

  it.each([
    ['entries', 'entries = entries + 1'],
    ['mac', `mac = '\\x00'`],
    ['seal', `seal = '\\x00'`],
  ])('whose head has another %s shows', async (_, change) => {
    await tenLinked();
    await sql(`UPDATE audit_head SET ${change}`);
    expect(await fault()).toMatchObject({ reason: 'head_changed' });
  });

  it('whose head is gone shows', async () => {
    await tenLinked();
    await sql('DELETE FROM audit_head');
    expect(await fault()).toMatchObject({ reason: 'head_missing' });
  });

  it('is not built upon when it is broken, so that nothing covers it up', async () => {
    await cutOff(await tenLinked(), true);
    await record(2);
    await expect(chain.linkNew()).rejects.toThrow('cut_off');
    expect(await linkedIds()).toHaveLength(8);
    expect(await fault()).toMatchObject({ reason: 'cut_off' });
  });

  it('with a link added beyond it shows', async () => {
    await tenLinked();
    await sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_forged', now(), 'x', 'system', '{}')`,
    );
    await sql(`INSERT INTO audit_link VALUES (11, 'aud_forged', '\\x00')`);
    expect(await fault()).toMatchObject({ reason: 'changed', position: 11 });
  });
});

describe('a link', () => {
  it('whose MAC was changed shows', async () => {
    const ids = await tenLinked();
    await sql(`UPDATE audit_link SET mac = set_byte(mac, 31, get_byte(mac, 31) # 1) WHERE position = 7`);
    expect(await fault()).toEqual({ reason: 'changed', position: 7, entryId: ids[6] });
  });

  it('can not be made without the key: another key ring finds the first one wrong', async () => {
    await tenLinked();
    const other = { auditMac: (message: Uint8Array) => ring.auditMac(Buffer.concat([message, Buffer.of(0)])) };
    const stranger = new ChainVerifier(open.database, clock, new AuditChain(open.database, clock, other), other);
    expect((await stranger.verify()).brokenAt).toMatchObject({ reason: 'changed', position: 1 });
  });
});

describe('the session', () => {
  it('has no say in what is proven: time zone and date style change nothing', async () => {
    await tenLinked();
    for (const setting of [`TimeZone = 'Asia/Kolkata'`, `DateStyle = 'German, DMY'`, `IntervalStyle = 'iso_8601'`]) {
      await open.database.run({ text: `ALTER DATABASE "${new URL(open.url).pathname.slice(1)}" SET ${setting}` });
    }
    const source = await new DataSource(dataSourceOptions(open.url)).initialize();
    try {
      const database = Database.of(source);
      const there = new AuditChain(database, clock, ring);
      expect(await new ChainVerifier(database, clock, there, ring).verify()).toMatchObject({
        valid: true,
        entries: 10,
      });
    } finally {
      await source.destroy();
    }
  });
});
