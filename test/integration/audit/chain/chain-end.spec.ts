import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { AuditedObjects } from '../../../../src/audit/audited-objects.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import type { AuditCheckpoint } from '../../../../src/audit/chain/audit-checkpoint.ts';
import { AuditPruner } from '../../../../src/audit/chain/audit-pruner.ts';
import { ChainVerifier } from '../../../../src/audit/chain/chain-verifier.ts';
import { formatPlace, parsePlace, UnusablePlaceError } from '../../../../src/audit/chain/verified-place.ts';
import { type AuditTestContext, openAuditTestContext } from '../../../support/audit-test-context.ts';

let audit: AuditTestContext;

beforeEach(async () => {
  audit = await openAuditTestContext();
});
afterEach(() => audit?.close());

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
    const tenth = (await audit.linkedIds())[9];
    await audit.sql("UPDATE audit_entry SET tenant = 'other' WHERE id > $1", [tenth]);
    expect(await verifyFrom(place)).toMatchObject({ faults: [{ kind: 'changed', from: 11, to: 12 }], place: null });
    await audit.sql("UPDATE audit_entry SET tenant = 'acme' WHERE id > $1", [tenth]);
    await audit.sql(
      `INSERT INTO audit_entry (id, at, action, actor_kind, details) VALUES ('aud_0', now(), 'x', 'system', '{}')`,
    );
    expect(await verifyFrom(place)).toMatchObject({ faults: [{ kind: 'forged', entryId: 'aud_0' }] });
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

  it('refuses a place before which links were removed', async () => {
    const place = await placeAfterTen();
    await audit.sql('DELETE FROM audit_link WHERE position = 4');
    await expect(verifyFrom(place)).rejects.toThrow(UnusablePlaceError);
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
