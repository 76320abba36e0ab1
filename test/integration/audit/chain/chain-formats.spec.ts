import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { ENTRY_BYTES, ENTRY_FIELDS } from '../../../../src/audit/audit-entry.repository.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import {
  computeHeadSeal,
  computeLinkMac,
  encodeFields,
  GENESIS_MAC,
} from '../../../../src/audit/chain/chain-encoding.ts';
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

/** Links all entries without covering their MACs. Returns their ids, and the last link's MAC. */
async function linkByHand(): Promise<{ ids: string[]; mac: Buffer }> {
  const rows = await audit.database.rows<{ id: string; fields: (string | null)[] }>({
    text: `SELECT e.id, ${ENTRY_FIELDS.text} AS fields FROM audit_entry e ORDER BY e.id`,
  });
  let mac: Buffer = GENESIS_MAC;
  for (const [index, row] of rows.entries()) {
    mac = computeLinkMac(audit.ring, index + 1, mac, encodeFields(row.fields), null);
    await audit.sql('INSERT INTO audit_link VALUES ($1, $2, $3)', [index + 1, row.id, mac]);
  }
  return { ids: rows.map(({ id }) => id), mac };
}

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

describe('a record from before entries had MACs', () => {
  /** Entries and links as the previous release wrote them. */
  async function fromBefore(): Promise<string[]> {
    await audit.record(3, 600);
    await audit.sql('UPDATE audit_entry SET mac = NULL');
    const { ids, mac } = await linkByHand();
    await audit.sql('INSERT INTO audit_head VALUES (1, 3, $1, $2)', [mac, computeHeadSeal(audit.ring, 3, mac)]);
    return ids;
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

describe('a link of a replica that covers no MACs of entries', () => {
  /** Three entries with MACs, linked as a replica of the release before MACs does. */
  async function linkWithoutMacs(): Promise<string[]> {
    await audit.record(3);
    const { ids, mac } = await linkByHand();
    await audit.sql('INSERT INTO audit_head VALUES (1, 3, $1, $2, $3)', [mac, computeHeadSeal(audit.ring, 3, mac), '']);
    return ids;
  }

  it('is valid, and shows a forged entry', async () => {
    const [, second = ''] = await linkWithoutMacs();
    expect(await audit.verifier.verify()).toMatchObject({ valid: true, entries: 3 });
    await audit.sql("UPDATE audit_entry SET mac = sha256('other') WHERE id = $1", [second]);
    expect(await audit.findFault()).toEqual({ reason: 'forged', position: 2, entryId: second });
  });
});
