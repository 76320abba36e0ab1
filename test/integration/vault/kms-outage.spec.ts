import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/audit/actor.ts';
import { AuditLog } from '../../../src/audit/audit-log.ts';
import { openRootKeys } from '../../../src/bootstrap/root-keys.ts';
import type { KeyProviderConfig } from '../../../src/config/config.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { KekRepository } from '../../../src/vault/keys/kek.repository.ts';
import { KeyAdministrationService } from '../../../src/vault/keys/key-administration.service.ts';
import { KeyRewrap } from '../../../src/vault/keys/key-rewrap.ts';
import { KeyRing, WrongRootKeyError } from '../../../src/vault/keys/key-ring.ts';
import { RootKeyUnavailableError } from '../../../src/vault/root-keys/root-key.ts';
import { Vault } from '../../../src/vault/vault.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { AWS_TEST_ENVIRONMENT, type FakeKms, KMS_ARN, KMS_NEXT_ARN, startFakeKms } from '../../support/fake-kms.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';
import { openTestVault, TEST_ROOT_KEY, type TestVault } from '../../support/test-vault.ts';

const clock = new FakeClock();
let kms: FakeKms;
let open: OpenDatabase;
let local: TestVault;

beforeAll(async () => {
  kms = await startFakeKms();
  Object.assign(process.env, AWS_TEST_ENVIRONMENT);
});
beforeEach(async () => {
  open = await openFreshDatabase();
  local = await openTestVault(open.database, clock);
});
afterEach(async () => {
  kms.fault = null;
  await open?.close();
});
afterAll(async () => {
  for (const name of Object.keys(AWS_TEST_ENVIRONMENT)) delete process.env[name];
  await kms?.close();
});

async function openWithKms(previous: string | null): Promise<KeyRing> {
  const previousRootKey = previous === null ? null : new SecretString(previous);
  return openWith({ keyId: 'alias/vault', previousKeyId: null, previousRootKey });
}

async function openWith(
  names: Pick<Extract<KeyProviderConfig, { provider: 'aws' }>, 'keyId' | 'previousKeyId' | 'previousRootKey'>,
): Promise<KeyRing> {
  const keys = await openRootKeys({ provider: 'aws', endpointUrl: kms.url, ...names }, local.random);
  const source = { clock, ids: local.ids, random: local.random };
  return KeyRing.open(open.database, keys.rootKey, keys.previousRootKey, source);
}

describe('a ring that moves from a local root key to AWS KMS', () => {
  it('then opens with KMS alone, seals without it, and creates no key during an outage', async () => {
    const id = await local.vault.put(open.database, new SecretString('kept'), ['t']);
    await openWithKms(TEST_ROOT_KEY);
    const ring = await openWithKms(null);
    const vault = new Vault(ring, { clock, ids: local.ids, random: local.random });
    const roots = await open.database.rows({ text: 'SELECT DISTINCT root_key_id FROM encryption_key' });
    expect(roots).toEqual([{ root_key_id: `aws:${KMS_ARN}` }]);

    kms.fault = { status: 400, type: 'AccessDeniedException' };
    expect((await vault.get(open.database, id, ['t']))?.expose()).toBe('kept');
    const later = await vault.put(open.database, new SecretString('later'), ['t']);
    expect((await vault.get(open.database, later, ['t']))?.expose()).toBe('later');
    const kekRepository = new KekRepository(open.database, clock);
    const rewrap = new KeyRewrap(open.database, ring, clock, local.random);
    const keyAdministration = new KeyAdministrationService(
      open.database,
      ring,
      kekRepository,
      rewrap,
      new AuditLog(clock, local.ids, ring, local.integrity),
    );
    await expect(keyAdministration.rotate(SYSTEM)).rejects.toMatchObject({
      type: { code: 'root_key_unavailable', status: 503 },
      detail: expect.stringContaining('kms:Encrypt'),
    });
    await expect(openWithKms(null)).rejects.toThrow(RootKeyUnavailableError);
    expect(await kekRepository.list(10, null)).toHaveLength(1);

    kms.fault = null;
    expect((await keyAdministration.rotate(SYSTEM)).id).toBe(ring.activeKek().id);
  });
});

describe('a ring that moves from one key of AWS KMS to another', () => {
  const next = { keyId: 'alias/next', previousRootKey: null };

  it('needs the old one once, and then only the new one', async () => {
    const before = await openWithKms(TEST_ROOT_KEY);
    await expect(openWith({ ...next, previousKeyId: null })).rejects.toThrow(WrongRootKeyError);
    const moved = await openWith({ ...next, previousKeyId: 'alias/vault' });
    expect(Buffer.from(moved.activeKek().key)).toEqual(Buffer.from(before.activeKek().key));
    const roots = await open.database.rows({ text: 'SELECT DISTINCT root_key_id FROM encryption_key' });
    expect(roots).toEqual([{ root_key_id: `aws:${KMS_NEXT_ARN}` }]);
    const later = await openWith({ ...next, previousKeyId: null });
    expect(later.blindIndex('the same')).toEqual(before.blindIndex('the same'));
    await expect(openWithKms(null)).rejects.toThrow(WrongRootKeyError);
  });
});
