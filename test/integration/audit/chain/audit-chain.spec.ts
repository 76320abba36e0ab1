import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { ENTRY_BYTES, ENTRY_FIELDS } from '../../../../src/audit/audit-entry.repository.ts';
import { AuditedObjects } from '../../../../src/audit/audited-objects.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import type { AuditCheckpoint } from '../../../../src/audit/chain/audit-checkpoint.ts';
import { AuditPruner } from '../../../../src/audit/chain/audit-pruner.ts';
import {
  computeHeadSeal,
  computeLinkMac,
  encodeFields,
  GENESIS_MAC,
} from '../../../../src/audit/chain/chain-encoding.ts';
import { ChainVerifier } from '../../../../src/audit/chain/chain-verifier.ts';
import { formatPlace, parsePlace, UnusablePlaceError } from '../../../../src/audit/chain/verified-place.ts';
import { type AuditTestContext, openAuditTestContext } from '../../../support/audit-test-context.ts';

let audit: AuditTestContext;

beforeEach(async () => {
  audit = await openAuditTestContext();
});
afterEach(() => audit?.close());

async function idsAfter(id: string): Promise<string[]> {
  const rows = await audit.database.rows<{ id: string }>({
    text: 'SELECT id FROM audit_entry WHERE id > $1 ORDER BY id',
    values: [id],
  });
  return rows.map((row) => row.id);
}

/** The next id after another, as a forger would choose it to place an entry next to that one. */
const sibling = (id: string): string => `${id.slice(0, -1)}${id.endsWith('z') ? 'y' : 'z'}`;

/** Copies an entry to another id, with a MAC from an SQL expression. */
async function forge(id: string, like: string, mac: string): Promise<void> {
  await audit.sql(
    `INSERT INTO audit_entry SELECT $1, at, action, actor_kind, actor_id, tenant, product, connection_id, subject_id,
      request_id, details, ${mac} FROM audit_entry WHERE id = $2`,
    [id, like],
  );
}

describe('a verification detects an entry', () => {
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

  it.each(columns)('with %s changed to %s', async (column, value) => {
    const ids = await audit.recordTenLinked();
    await audit.sql(`UPDATE audit_entry SET ${column} = ${value} WHERE id = $1`, [ids[4]]);
    expect(await audit.findFault()).toEqual({ reason: 'changed', position: 5, entryId: ids[4] });
  });

  it('that is missing, even the last one', async () => {
    const ids = await audit.recordTenLinked();
    await audit.sql('DELETE FROM audit_entry WHERE id = $1', [ids[9]]);
    expect(await audit.findFault()).toEqual({ reason: 'missing_entry', position: 10, entryId: ids[9] });
    await audit.sql('DELETE FROM audit_entry WHERE id = $1', [ids[2]]);
    expect(await audit.findFault()).toEqual({ reason: 'missing_entry', position: 3, entryId: ids[2] });
  });

  it('that is missing together with its link', async () => {
    const ids = await audit.recordTenLinked();
    await audit.sql('DELETE FROM audit_entry WHERE id = $1', [ids[2]]);
    await audit.sql('DELETE FROM audit_link WHERE entry_id = $1', [ids[2]]);
    expect(await audit.findFault()).toMatchObject({ reason: 'missing_link', position: 3 });
  });

  it('that is missing together with its link, even if the rest is renumbered', async () => {
    const ids = await audit.recordTenLinked();
    await audit.sql('DELETE FROM audit_entry WHERE id = $1', [ids[2]]);
    await audit.sql('DELETE FROM audit_link WHERE entry_id = $1', [ids[2]]);
    for (let position = 4; position <= 10; position++) {
      await audit.sql('UPDATE audit_link SET position = position - 1 WHERE position = $1', [position]);
    }
    expect(await audit.findFault()).toMatchObject({ reason: 'changed', position: 3 });
  });

  it('swapped with another', async () => {
    const [, second, third] = await audit.recordTenLinked();
    await audit.sql(`UPDATE audit_link SET entry_id = 'aside' WHERE entry_id = $1`, [second]);
    await audit.sql('UPDATE audit_link SET entry_id = $1 WHERE entry_id = $2', [second, third]);
    await audit.sql(`UPDATE audit_link SET entry_id = $1 WHERE entry_id = 'aside'`, [third]);
    expect(await audit.findFault()).toMatchObject({ reason: 'changed', position: 2 });
  });

  it('whose link was swapped with another', async () => {
    await audit.recordTenLinked();
    await audit.sql('UPDATE audit_link SET position = 99 WHERE position = 2');
    await audit.sql('UPDATE audit_link SET position = 2 WHERE position = 3');
    await audit.sql('UPDATE audit_link SET position = 3 WHERE position = 99');
    expect(await audit.findFault()).toMatchObject({ reason: 'changed', position: 2 });
  });

  it.each([
    ['in the past with the MAC of another', 3, 'mac'],
    ['in the past without a MAC', 3, 'NULL::bytea'],
    ['next to the newest with the MAC of another', 9, 'mac'],
    ['next to the newest without a MAC', 9, 'NULL::bytea'],
    ['next to the newest with an invented MAC', 9, `decode(repeat('ab', 32), 'hex')`],
  ])('inserted by hand %s, and never links it', async (_, beside, mac) => {
    const ids = await audit.recordTenLinked();
    const forged = sibling(ids[beside] ?? '');
    await forge(forged, ids[beside] ?? '', mac);
    expect(await audit.findFault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    await audit.record(3);
    expect(await audit.findFault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    const linked = await audit.linkedIds();
    expect(linked.slice(0, 10)).toEqual(ids);
    expect(linked).toHaveLength(13);
    expect(linked).not.toContain(forged);
    await audit.sql('DELETE FROM audit_entry WHERE id = $1', [forged]);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 13 });
  });

  it('tells how far a verification is while it runs', async () => {
    await audit.record(3);
    await audit.chain.linkNewEntries();
    const seen: unknown[] = [audit.verifier.progress];
    await audit.verifier.verify(() => seen.push(audit.verifier.progress));
    expect([...seen, audit.verifier.progress]).toEqual([
      null,
      { position: 0, lastPosition: 3 },
      { position: 3, lastPosition: 3 },
      null,
    ]);
  });

  it('inserted by hand, reports it once, and still links others when there are more than a batch of them', async () => {
    await audit.record(1);
    await audit.sql(`INSERT INTO audit_entry (id, at, action, actor_kind, details)
      SELECT left(id, 14) || lpad(n::text, 16, '0'), at, action, actor_kind, details FROM audit_entry, generate_series(1, 2500) n`);
    await audit.record(2);
    const heard: string[] = [];
    expect(await audit.chain.linkNewEntries('recent', false, (id) => heard.push(id))).toBe(3);
    expect(new Set(heard).size).toBe(2500);
    expect(await audit.findFault()).toMatchObject({ reason: 'forged', position: null });
  });

  it('changed right before it is linked', async () => {
    await audit.recordTenLinked();
    await audit.record(1);
    const [id] = await idsAfter((await audit.linkedIds())[9] ?? '');
    await audit.sql(`UPDATE audit_entry SET tenant = 'other' WHERE id = $1`, [id]);
    expect(await audit.findFault()).toEqual({ reason: 'forged', position: null, entryId: id });
  });

  it('whose own MAC was removed or changed', async () => {
    const ids = await audit.recordTenLinked();
    await audit.sql('UPDATE audit_entry SET mac = NULL WHERE id = $1', [ids[4]]);
    expect(await audit.findFault()).toEqual({ reason: 'changed', position: 5, entryId: ids[4] });
    await audit.sql('UPDATE audit_entry SET mac = NULL');
    expect(await audit.findFault()).toMatchObject({ reason: 'changed', position: 1 });
  });

  it('of ours that appears in the past', async () => {
    await audit.recordTenLinked();
    audit.clock.advance(-3_600);
    await audit.record(1);
    audit.clock.advance(3_600);
    expect(await audit.findFault()).toMatchObject({ reason: 'unlinked', position: null });
    expect(await audit.linkedIds()).toHaveLength(10);
  });

  it('inserted in the future, and still links later ones', async () => {
    await audit.recordTenLinked();
    const forged = `aud_7zzzzzzzzz${'0'.repeat(16)}`;
    await audit.sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ($1, now(), 'x', 'system', '{}')`,
      [forged],
    );
    expect(await audit.findFault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    await audit.record(1);
    expect(await audit.chain.linkNewEntries()).toBe(1);
  });

  it('inserted in the middle with a link', async () => {
    const ids = await audit.recordTenLinked();
    for (let position = 10; position >= 4; position--) {
      await audit.sql('UPDATE audit_link SET position = position + 1 WHERE position = $1', [position]);
    }
    await audit.sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_forged', now(), 'x', 'system', '{}')`,
    );
    await audit.sql(`INSERT INTO audit_link SELECT 4, 'aud_forged', mac FROM audit_link WHERE entry_id = $1`, [ids[2]]);
    expect(await audit.findFault()).toMatchObject({ reason: 'changed', position: 4 });
  });

  it('with a link outside of the chain', async () => {
    await audit.recordTenLinked();
    await audit.sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_0', now(), 'x', 'system', '{}')`,
    );
    await audit.sql(`INSERT INTO audit_link VALUES (-5, 'aud_0', '\\x00')`);
    expect(await audit.findFault()).toMatchObject({ reason: 'missing_link', position: 1 });
  });
});

describe('a record from before entries had MACs', () => {
  /** Entries and links as the previous release wrote them. */
  async function fromBefore(): Promise<string[]> {
    await audit.record(3, 600);
    await audit.sql('UPDATE audit_entry SET mac = NULL');
    const rows = await audit.database.rows<{ id: string; fields: (string | null)[] }>({
      text: `SELECT e.id, ${ENTRY_FIELDS.text} AS fields FROM audit_entry e ORDER BY e.id`,
    });
    let mac: Buffer = GENESIS_MAC;
    for (const [index, row] of rows.entries()) {
      mac = computeLinkMac(audit.ring, index + 1, mac, encodeFields(row.fields), null);
      await audit.sql('INSERT INTO audit_link VALUES ($1, $2, $3)', [index + 1, row.id, mac]);
    }
    await audit.sql('INSERT INTO audit_head VALUES (1, 3, $1, $2)', [mac, computeHeadSeal(audit.ring, 3, mac)]);
    return rows.map((row) => row.id);
  }

  /** An entry without a MAC, as written by a replica of the previous release, or by hand. */
  async function recordWithout(): Promise<string> {
    await audit.record(1);
    const [id = ''] = (await idsAfter('')).slice(-1);
    await audit.sql('UPDATE audit_entry SET mac = NULL WHERE id = $1', [id]);
    return id;
  }

  it('stays valid, continues, and accepts entries from replicas of that release for one hour', async () => {
    await fromBefore();
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 3 });
    await audit.record(1, 600);
    await recordWithout();
    expect(await audit.chain.linkNewEntries()).toBe(2);
    audit.clock.advance(4_000);
    const forged = await recordWithout();
    await audit.record(1);
    expect(await audit.findFault()).toEqual({ reason: 'forged', position: null, entryId: forged });
    await audit.sql('DELETE FROM audit_entry WHERE id = $1', [forged]);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 6 });
  });

  it.each(['NULL', `'aud_7zzzzzzzzz'`])(
    'links no entry without a MAC after somebody set the head to %s',
    async (to) => {
      await fromBefore();
      await audit.record(1, 4_000);
      await audit.chain.linkNewEntries();
      await audit.sql(`UPDATE audit_head SET macs_required_from = ${to}`);
      const forged = await recordWithout();
      expect(await audit.chain.linkNewEntries()).toBe(0);
      expect(await new AuditChain(audit.database, audit.clock, audit.ring).linkNewEntries()).toBe(0);
      const { valid, faults } = await audit.verifier.verify();
      expect([valid, faults]).toEqual([
        false,
        [
          { kind: 'head_changed', from: null, to: null, entryId: null },
          { kind: 'forged', from: null, to: null, entryId: forged },
        ],
      ]);
    },
  );
});

describe('a verification continues past a fault', () => {
  it('and reports all others, merging adjacent ones', async () => {
    const ids = await audit.recordTenLinked();
    await audit.sql(`UPDATE audit_entry SET tenant = 'other' WHERE id = ANY ($1)`, [[ids[1], ids[2]]]);
    await audit.sql('DELETE FROM audit_entry WHERE id = $1', [ids[4]]);
    await audit.sql('DELETE FROM audit_link WHERE position IN (7, 8)');
    await audit.sql('DELETE FROM audit_entry WHERE id = ANY ($1)', [[ids[6], ids[7]]]);
    const forged = sibling(ids[9] ?? '');
    await forge(forged, ids[9] ?? '', 'NULL::bytea');
    const { valid, faults, firstFault } = await audit.verifier.verify();
    expect(valid).toBe(false);
    expect(faults).toEqual([
      { kind: 'changed', from: 2, to: 3, entryId: ids[1] },
      { kind: 'missing_entry', from: 5, to: 5, entryId: ids[4] },
      { kind: 'missing_link', from: 7, to: 8, entryId: ids[8] },
      { kind: 'forged', from: null, to: null, entryId: forged },
    ]);
    expect(firstFault).toEqual({ reason: 'changed', position: 2, entryId: ids[1] });
  });

  it('and reports at most a hundred', async () => {
    await audit.recordTenLinked();
    await audit.sql(`INSERT INTO audit_entry (id, at, action, actor_kind, details)
      SELECT 'aud_0' || lpad(n::text, 25, '0'), now(), 'x', 'system', '{}' FROM generate_series(1, 150) n`);
    const { faults } = await audit.verifier.verify();
    expect(faults).toHaveLength(100);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(['forged']));
  });
});

describe('a record without entries that other tables imply', () => {
  const subjects = (ids: string[]) =>
    audit.audited.register({
      name: 'things',
      namedAs: 'subject',
      action: 'lease.issued',
      list: async (_, after, limit) => ids.filter((id) => id > after).slice(0, limit),
    });

  it('is invalid, whether emptied or cut off and continued', async () => {
    const ids: `lse_${string}`[] = [];
    for (let n = 0; n < 5; n++) {
      const id = audit.ids.next('lse');
      ids.push(id);
      await audit.log.record(audit.database, { action: 'lease.issued', actor: SYSTEM, subjectId: id });
      audit.clock.advance(600);
    }
    subjects(ids);
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 5 });
    for (const table of ['audit_entry', 'audit_link', 'audit_head']) await audit.sql(`DELETE FROM ${table}`);
    const missing = { kind: 'record_missing', from: null, to: null, entryId: null };
    const objects = { kind: 'things', count: 5, first: ids[0] };
    expect((await audit.verifier.verify()).faults).toEqual([{ ...missing, objects }]);
    await audit.record(2);
    expect(await audit.verifier.verify()).toMatchObject({
      valid: false,
      entries: 2,
      faults: [{ ...missing, objects }],
    });
  });
});

describe('the end of the chain', () => {
  async function cutOff(ids: string[], entriesToo: boolean): Promise<void> {
    await audit.sql('DELETE FROM audit_link WHERE position > 8');
    if (entriesToo) await audit.sql('DELETE FROM audit_entry WHERE id = ANY ($1)', [ids.slice(8)]);
  }

  it.each([true, false])('is detected as cut off (entries deleted, too: %s)', async (entriesToo) => {
    await cutOff(await audit.recordTenLinked(), entriesToo);
    expect(await audit.findFault()).toEqual({ reason: 'cut_off', position: 9, entryId: null });
  });

  it('is detected as cut off even if the head was adjusted', async () => {
    await cutOff(await audit.recordTenLinked(), true);
    await audit.sql('UPDATE audit_head SET entries = 8, mac = (SELECT mac FROM audit_link WHERE position = 8)');
    expect(await audit.findFault()).toMatchObject({ reason: 'head_changed' });
  });

  it.each([
    ['entries', 'entries = entries + 1'],
    ['mac', `mac = '\\x00'`],
    ['seal', `seal = '\\x00'`],
  ])('is detected as changed if the head has another %s', async (_, change) => {
    await audit.recordTenLinked();
    await audit.sql(`UPDATE audit_head SET ${change}`);
    expect(await audit.findFault()).toMatchObject({ reason: 'head_changed' });
  });

  it('is detected as changed if the head is gone', async () => {
    await audit.recordTenLinked();
    await audit.sql('DELETE FROM audit_head');
    expect(await audit.findFault()).toMatchObject({ reason: 'head_missing' });
  });

  it('is not extended when broken, which would hide the damage', async () => {
    await cutOff(await audit.recordTenLinked(), true);
    await audit.record(2);
    await expect(audit.chain.linkNewEntries()).rejects.toThrow('cut_off');
    expect(await audit.linkedIds()).toHaveLength(8);
    expect(await audit.findFault()).toMatchObject({ reason: 'cut_off' });
  });

  it('is detected as changed by a link added after it', async () => {
    await audit.recordTenLinked();
    await audit.sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_forged', now(), 'x', 'system', '{}')`,
    );
    await audit.sql(`INSERT INTO audit_link VALUES (11, 'aud_forged', '\\x00')`);
    expect(await audit.findFault()).toMatchObject({ reason: 'changed', position: 11 });
  });
});

describe('a verification that goes on from the place of another', () => {
  const verifyFrom = async (from: AuditCheckpoint | null) => {
    const places: (AuditCheckpoint | null)[] = [];
    const { valid, faults } = await audit.verifier.verifyFrom(from, ({ soundUpTo }) => places.push(soundUpTo));
    return { valid, faults, place: places.at(-1) ?? null };
  };
  const placeAfterTen = async (): Promise<AuditCheckpoint> => {
    await audit.recordTenLinked();
    const { place } = await verifyFrom(null);
    if (place === null) throw new Error('the record is not sound');
    return place;
  };

  it('checks what follows it, and all else that a whole one does', async () => {
    const place = await placeAfterTen();
    expect(place).toMatchObject({ position: 10, macsRequiredFrom: '' });
    await audit.record(2);
    expect(await verifyFrom(place)).toMatchObject({ valid: true, place: { position: 12 } });
    const [, , , fourth, , , , , , tenth] = await audit.linkedIds();
    await audit.sql("UPDATE audit_entry SET tenant = 'other' WHERE id > $1", [tenth]);
    expect(await verifyFrom(place)).toMatchObject({ faults: [{ kind: 'changed', from: 11, to: 12 }], place: null });
    await audit.sql("UPDATE audit_entry SET tenant = 'acme' WHERE id > $1", [tenth]);
    await audit.sql('DELETE FROM audit_link WHERE position = 4');
    expect(await verifyFrom(place)).toMatchObject({ faults: [{ kind: 'unlinked', entryId: fourth }] });
  });

  it('begins where the record begins if that was pruned past the place', async () => {
    const place = await placeAfterTen();
    const [first] = await audit.database.rows<{ mac: Buffer }>({
      text: 'SELECT mac FROM audit_link WHERE position = 1',
    });
    audit.clock.advance(100_000);
    await audit.record(1);
    await audit.chain.linkNewEntries();
    const pruner = new AuditPruner(audit.database, audit.clock, audit.ring, audit.log, audit.verifier, audit.ring);
    expect(await pruner.prune(SYSTEM, new Date(audit.clock.now().getTime() - 90_000_000), () => undefined)).toBe(10);
    expect(await verifyFrom({ ...place, position: 1, mac: first?.mac ?? place.mac })).toMatchObject({ valid: true });
  });

  it('refuses a place that this installation did not seal, or where the record has changed', async () => {
    const place = await placeAfterTen();
    const word = formatPlace(audit.ring, place);
    expect(parsePlace(audit.ring, `${word}\n`)).toEqual(place);
    for (const changed of [word.replace('.10.', '.11.'), word.slice(0, -1), 'mva1.1', ''])
      expect(() => parsePlace(audit.ring, changed)).toThrow(UnusablePlaceError);
    await audit.sql("UPDATE audit_link SET mac = '\\x00' WHERE position = 10");
    await expect(verifyFrom(place)).rejects.toThrow(UnusablePlaceError);
  });
});

describe('the bytes of an entry', () => {
  it('are its columns as this service encodes them', async () => {
    const details = { text: 'café, "tea" \\ {NULL}\n', nothing: null };
    await audit.log.record(audit.database, { action: 'lease.issued', actor: SYSTEM, tenant: 'NULL', details });
    const rows = await audit.database.rows<{ fields: (string | null)[]; bytes: Buffer }>({
      text: `SELECT ${ENTRY_FIELDS.text} AS fields, ${ENTRY_BYTES.text} AS bytes FROM audit_entry e`,
    });
    expect(rows.map(({ bytes }) => bytes)).toEqual(rows.map(({ fields }) => encodeFields(fields)));
    expect(rows[0]?.fields).toContain(JSON.stringify(details));
  });
});

describe('a link of a replica that covers no MACs of entries', () => {
  /** Three entries with MACs, linked as a replica of the release before MACs does. */
  async function linkWithoutMacs(): Promise<string[]> {
    await audit.record(3);
    const rows = await audit.database.rows<{ id: string; bytes: Buffer }>({
      text: `SELECT e.id, ${ENTRY_BYTES.text} AS bytes FROM audit_entry e ORDER BY e.id`,
    });
    let mac: Buffer = GENESIS_MAC;
    for (const [index, row] of rows.entries()) {
      mac = computeLinkMac(audit.ring, index + 1, mac, row.bytes, null);
      await audit.sql('INSERT INTO audit_link VALUES ($1, $2, $3)', [index + 1, row.id, mac]);
    }
    await audit.sql('INSERT INTO audit_head VALUES (1, 3, $1, $2, $3)', [mac, computeHeadSeal(audit.ring, 3, mac), '']);
    return rows.map(({ id }) => id);
  }

  it('is valid, and shows a forged entry', async () => {
    const [, second = ''] = await linkWithoutMacs();
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 3 });
    await audit.sql("UPDATE audit_entry SET mac = sha256('other') WHERE id = $1", [second]);
    expect(await audit.findFault()).toEqual({ reason: 'forged', position: 2, entryId: second });
  });
});

describe('the MAC of a link', () => {
  it('cannot be changed unnoticed', async () => {
    const ids = await audit.recordTenLinked();
    await audit.sql(`UPDATE audit_link SET mac = set_byte(mac, 31, get_byte(mac, 31) # 1) WHERE position = 7`);
    expect(await audit.findFault()).toEqual({ reason: 'changed', position: 7, entryId: ids[6] });
  });

  it('needs the key: under another key, the first link is wrong', async () => {
    await audit.recordTenLinked();
    const other = {
      computeAuditMac: (message: Uint8Array) => audit.ring.computeAuditMac(Buffer.concat([message, Buffer.of(0)])),
    };
    const stranger = new ChainVerifier(
      audit.database,
      audit.clock,
      new AuditChain(audit.database, audit.clock, other),
      other,
      new AuditedObjects(),
    );
    expect((await stranger.verify()).firstFault).toMatchObject({ reason: 'changed', position: 1 });
  });
});
