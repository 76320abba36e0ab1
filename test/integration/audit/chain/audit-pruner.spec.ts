import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { AuditLog } from '../../../../src/audit/audit-log.ts';
import { AuditedObjects } from '../../../../src/audit/audited-objects.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import { AuditPruner, PruneRefusedError } from '../../../../src/audit/chain/audit-pruner.ts';
import type { PrunedEntry } from '../../../../src/audit/chain/audit-pruning.repository.ts';
import { type ChainAnchor, createAnchor, findAnchorFault } from '../../../../src/audit/chain/chain-anchor.ts';
import { computeHeadSeal } from '../../../../src/audit/chain/chain-encoding.ts';
import { ChainVerifier } from '../../../../src/audit/chain/chain-verifier.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { openTestVault, type TestVault } from '../../../support/test-vault.ts';

const DAY_SECONDS = 86_400;

let open: OpenDatabase;
let clock: FakeClock;
let of: TestVault;
let log: AuditLog;
let chain: AuditChain;
let verifier: ChainVerifier;
let prune: AuditPruner;
let kept: PrunedEntry[];

beforeEach(async () => {
  open = await openFreshDatabase();
  clock = new FakeClock();
  of = await openTestVault(open.database, clock);
  log = new AuditLog(clock, of.ids, of.ring, of.integrity);
  chain = new AuditChain(open.database, clock, of.ring);
  verifier = new ChainVerifier(open.database, clock, chain, of.ring, new AuditedObjects());
  prune = new AuditPruner(open.database, clock, of.ring, log, verifier, of.ring);
  kept = [];
  // Ten entries, one a day, the last one today.
  for (let index = 0; index < 10; index++) {
    if (index > 0) clock.advance(DAY_SECONDS);
    await log.record(open.database, { action: 'lease.issued', actor: SYSTEM, details: { index } });
    await chain.linkNewEntries();
  }
});
afterEach(() => open.close());

const daysAgo = (days: number): Date => new Date(clock.now().getTime() - days * DAY_SECONDS * 1000 - 1000);
const archive = (entries: readonly PrunedEntry[]): void => void kept.push(...entries);
const sql = (text: string) => open.database.run({ text });
const reason = async () => (await verifier.verify()).firstFault?.reason;
const anchor = async () => (await createAnchor(open.database, of.ring)) as ChainAnchor;

async function actions(): Promise<string[]> {
  const rows = await open.database.rows<{ action: string }>({ text: 'SELECT action FROM audit_entry ORDER BY id' });
  return rows.map((row) => row.action);
}

describe('pruning', () => {
  it('archives what it removes and leaves a record that verifies', async () => {
    expect(await prune.prune(SYSTEM, daysAgo(5), archive)).toBe(4);
    expect(kept.map(({ position, details }) => [position, details['index']])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
    ]);
    expect(await actions()).toEqual([...Array(6).fill('lease.issued'), 'audit.pruned']);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 11, prunedEntries: 4 });
    await log.record(open.database, { action: 'lease.ended', actor: SYSTEM });
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 12 });
    expect(await prune.prune(SYSTEM, daysAgo(5), archive)).toBe(0);
    expect(await prune.prune(SYSTEM, daysAgo(2), archive)).toBe(3);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 13, prunedEntries: 7 });
  });

  it('keeps the last day', async () => {
    await expect(prune.prune(SYSTEM, clock.now(), archive)).rejects.toThrow(PruneRefusedError);
    expect(kept).toEqual([]);
  });

  it('keeps the last link if all entries are old', async () => {
    clock.advance(30 * DAY_SECONDS);
    expect(await prune.prune(SYSTEM, daysAgo(2), archive)).toBe(9);
    expect(await verifier.verify()).toMatchObject({ valid: true, entries: 11, prunedEntries: 9 });
  });

  it('leaves a damaged record unchanged, so that nothing is hidden', async () => {
    await sql(`UPDATE audit_entry SET tenant = 'x' WHERE id = (SELECT min(id) FROM audit_entry)`);
    await expect(prune.prune(SYSTEM, daysAgo(5), archive)).rejects.toThrow('The record is damaged (changed)');
    expect(await actions()).toHaveLength(10);
  });

  it('removes nothing that could not be archived', async () => {
    const full = () => {
      throw new Error('no space left');
    };
    await expect(prune.prune(SYSTEM, daysAgo(5), full)).rejects.toThrow('no space left');
    expect((await actions()).filter((action) => action === 'lease.issued')).toHaveLength(10);
    expect(await verifier.verify()).toMatchObject({ valid: true, prunedEntries: 0 });
  });

  it('says what an earlier anchor can still prove', async () => {
    const text = 'SELECT position, mac FROM audit_link ORDER BY position';
    const links = await open.database.rows<{ mac: Buffer }>({ text });
    expect(links).toHaveLength(10);
    const last = await anchor();
    const anchorAt = (entries: number): ChainAnchor => {
      const mac = links[entries - 1]?.mac ?? Buffer.alloc(0);
      return { entries, head: mac.toString('hex'), seal: computeHeadSeal(of.ring, entries, mac).toString('hex') };
    };
    await prune.prune(SYSTEM, daysAgo(5), archive);
    const fault = (given: ChainAnchor) => findAnchorFault(open.database, of.ring, given);
    expect(await fault(anchorAt(3))).toBe('pruned');
    expect(await fault(anchorAt(4))).toBeNull();
    expect(await fault(anchorAt(5))).toBeNull();
    expect(await fault(last)).toBeNull();
  });
});

describe('the checkpoint', () => {
  it.each([
    ['removed', 'DELETE FROM audit_checkpoint', 'missing_link'],
    ['moved up', 'UPDATE audit_checkpoint SET position = position + 1', 'checkpoint_changed'],
    ['given another MAC', `UPDATE audit_checkpoint SET mac = '\\x00'`, 'checkpoint_changed'],
    ['stripped of the start of MACs', 'UPDATE audit_checkpoint SET macs_required_from = NULL', 'checkpoint_changed'],
    ['given another seal', `UPDATE audit_checkpoint SET seal = '\\x00'`, 'checkpoint_changed'],
  ])('is detected when %s', async (_, change, expected) => {
    await prune.prune(SYSTEM, daysAgo(5), archive);
    expect(await reason()).toBeUndefined();
    await sql(change);
    expect(await reason()).toBe(expected);
  });

  it('does not hide missing entries if an earlier one is restored', async () => {
    await prune.prune(SYSTEM, daysAgo(5), archive);
    await sql('CREATE TABLE of_before AS SELECT * FROM audit_checkpoint');
    await prune.prune(SYSTEM, daysAgo(2), archive);
    await sql('DELETE FROM audit_checkpoint');
    await sql('INSERT INTO audit_checkpoint SELECT * FROM of_before');
    expect(await reason()).toBe('missing_link');
  });

  it('does not hide entries removed by hand', async () => {
    await prune.prune(SYSTEM, daysAgo(5), archive);
    await sql('DELETE FROM audit_entry WHERE id = (SELECT entry_id FROM audit_link WHERE position = 5)');
    expect(await reason()).toBe('missing_entry');
    await sql('DELETE FROM audit_link WHERE position = 5');
    expect(await reason()).toBe('missing_link');
  });
});
