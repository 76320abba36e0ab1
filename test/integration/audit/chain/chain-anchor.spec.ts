import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../../src/audit/actor.ts';
import { AuditLog } from '../../../../src/audit/audit-log.ts';
import { AuditChain } from '../../../../src/audit/chain/audit-chain.ts';
import { type ChainAnchor, createAnchor, findAnchorFault } from '../../../../src/audit/chain/chain-anchor.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { openTestVault, type TestVault } from '../../../support/test-vault.ts';

const clock = new FakeClock();
let open: OpenDatabase;
let of: TestVault;

beforeAll(async () => {
  open = await openFreshDatabase();
  of = await openTestVault(open.database, clock);
});
afterAll(() => open?.close());

async function record(count: number): Promise<void> {
  const log = new AuditLog(clock, of.ids, of.ring, of.integrity);
  for (let n = 0; n < count; n++) await log.record(open.database, { action: 'lease.issued', actor: SYSTEM });
  await new AuditChain(open.database, clock, of.ring).linkNewEntries('late', true);
}

describe('an anchor', () => {
  it('holds while the record grows, and detects a restored database or a diverged chain', async () => {
    const genesis = await createAnchor(open.database, of.ring);
    expect(genesis.entries).toBe(0);
    expect(await findAnchorFault(open.database, of.ring, genesis)).toBeNull();
    await record(3);
    const anchor = await createAnchor(open.database, of.ring);
    await record(2);
    const fault = (given: ChainAnchor) => findAnchorFault(open.database, of.ring, given);
    expect(await fault(anchor)).toBeNull();
    expect(await fault({ ...anchor, entries: 2 })).toBe('not_ours');
    expect(await fault({ ...anchor, head: '00'.repeat(32) })).toBe('not_ours');
    await open.database.run({ text: `UPDATE audit_link SET mac = '\\x00' WHERE position = 3` });
    expect(await fault(anchor)).toBe('rewritten');
    await open.database.run({ text: 'DELETE FROM audit_link WHERE position >= 3' });
    expect(await fault(anchor)).toBe('cut_off');
  });
});
