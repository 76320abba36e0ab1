import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionEraser } from '../../../src/connections/revocation/connection-eraser.ts';
import { ConnectionLeasesRepository } from '../../../src/leases/connection-leases.repository.ts';
import { addSeconds } from '../../../src/platform/clock.ts';
import { META_ACTOR } from '../../../src/webhooks/signature-rejections.ts';
import { type ConnectionsHarness, connect, createConnectionsHarness } from '../../support/connections-harness.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';
import { testConfig } from '../../support/test-config.ts';
import { openTestVault, type TestVault } from '../../support/test-vault.ts';

const BY = { actor: META_ACTOR, requestId: null, reason: 'deauthorized' };
const clock = new FakeClock();
let open: OpenDatabase;
let vault: TestVault;
let harness: ConnectionsHarness;

beforeAll(async () => {
  open = await openFreshDatabase();
  vault = await openTestVault(open.database, clock);
  harness = createConnectionsHarness(open.database, clock, testConfig(), vault);
});
afterAll(() => open?.close());

const providerRevocationOf = async (id: string): Promise<string | null> => {
  const [row] = await open.database.rows<{ provider_revocation: string | null }>({
    text: 'SELECT provider_revocation FROM connection WHERE id = $1',
    values: [id],
  });
  return row?.provider_revocation ?? null;
};
const countSealedSecrets = async (): Promise<number> =>
  (await open.database.rows({ text: 'SELECT 1 FROM sealed_secret' })).length;

describe('a grant that Meta reports as gone', () => {
  it('is confirmed for all that shared it, with the last live connection, and keeps no token', async () => {
    const metaUser = { metaUserId: '100000000000777' };
    const before = await countSealedSecrets();
    const shared = await connect(harness, clock, { ...metaUser, tenant: 'a' });
    const one = await connect(harness, clock, { ...metaUser, tenant: 'b', pages: [{ id: '1', token: 'EAApage' }] });
    const two = await connect(harness, clock, { ...metaUser, tenant: 'c' });
    expect((await harness.revoke.revoke(shared, BY))?.providerRevocation).toBe('shared');
    await harness.revoke.revokeAsRemovedAtMeta(one, BY, clock.now());
    expect([await providerRevocationOf(shared), await providerRevocationOf(one)]).toEqual(['shared', 'confirmed']);
    await harness.revoke.revokeAsRemovedAtMeta(two, BY, clock.now());
    expect([await providerRevocationOf(shared), await providerRevocationOf(two)]).toEqual(['confirmed', 'confirmed']);
    expect(await countSealedSecrets()).toBe(before);
  });

  it('does not affect an authorization more than a minute later, to the millisecond', async () => {
    const id = await connect(harness, clock, { metaUserId: '100000000000778' });
    const authorizedAt = clock.now();
    expect(await harness.revoke.revokeAsRemovedAtMeta(id, BY, addSeconds(authorizedAt, -60.001))).toBe(
      'authorized_later',
    );
    expect(await harness.revoke.revokeAsRemovedAtMeta(id, BY, null)).toBe('authorized_later');
    expect(await harness.revoke.revokeAsRemovedAtMeta(id, BY, addSeconds(authorizedAt, -60))).toMatchObject({
      id,
      providerRevocation: 'confirmed',
    });
    expect(await harness.revoke.revokeAsRemovedAtMeta(id, BY, null)).toMatchObject({ id, leasesRevoked: 0 });
    expect(await harness.revoke.revokeAsRemovedAtMeta('con_nobody', BY, clock.now())).toBeNull();
  });

  it('is no reason to erase a live connection', async () => {
    const id = await connect(harness, clock, { metaUserId: '100000000000779' });
    const eraser = new ConnectionEraser(
      open.database,
      vault.vault,
      new ConnectionLeasesRepository(vault.rowMacs),
      clock,
    );
    let ran = false;
    const within = async (): Promise<void> => {
      ran = true;
    };
    expect(await eraser.erase(id, within)).toBe(false);
    expect(await eraser.erase('con_nobody', within)).toBe(false);
    expect(ran).toBe(false);
    await harness.revoke.revokeAsRemovedAtMeta(id, BY, clock.now());
    // The caller's writes are part of the transaction: if they fail, nothing is erased.
    await expect(eraser.erase(id, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const [row] = await open.database.rows<{ meta_user_id: string }>({
      text: 'SELECT meta_user_id FROM connection WHERE id = $1',
      values: [id],
    });
    expect(row?.meta_user_id).toBe('100000000000779');
    expect(await eraser.erase(id, within)).toBe(true);
    expect(await eraser.erase(id, within)).toBe(true);
  });
});
