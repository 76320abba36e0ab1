import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
