import type { Database } from '../../../../src/database/database.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { KeyRing, WrongRootKeyError } from '../../../../src/vault/keys/key-ring.ts';
import { LocalRootKey } from '../../../../src/vault/root-keys/local-root-key.ts';
import { DecryptionError } from '../../../../src/vault/sealed-secret.ts';
import { Vault } from '../../../../src/vault/vault.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { openTestVault, TEST_ROOT_KEY } from '../../../support/test-vault.ts';

const random = new SystemRandom();
const rootKey = (fill: number): LocalRootKey =>
  new LocalRootKey(new SecretString(Buffer.alloc(32, fill).toString('base64')), random);

describe('the key ring on Postgres', () => {
  const clock = new FakeClock();
  let open: OpenDatabase;
  let database: Database;

  beforeEach(async () => {
    open = await openFreshDatabase();
    database = open.database;
  });
  afterEach(() => open.close());

  const snapshot = (): Promise<Record<string, unknown>[]> =>
    database.rows({ text: 'SELECT * FROM encryption_key ORDER BY id' });

  it('creates one active key per purpose, even when several replicas start at once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => openTestVault(database, clock)));
    expect((await snapshot()).map((row) => row['purpose']).sort()).toEqual(['audit', 'data', 'lookup']);
  });

  it('stores no key in the clear', async () => {
    const { ring } = await openTestVault(database, clock);
    const key = Buffer.from(ring.activeKek().key);
    for (const row of await snapshot()) expect((row['wrapped'] as Buffer).includes(key)).toBe(false);
  });

  it('refuses a wrong root key by fingerprint and changes nothing', async () => {
    const { ids } = await openTestVault(database, clock);
    const before = await snapshot();
    const wrong = rootKey(9);
    const opened = KeyRing.open(database, wrong, null, { clock, ids, random });
    await expect(opened).rejects.toThrow(WrongRootKeyError);
    await expect(opened).rejects.toThrow(new RegExp(`${String(before[0]?.['root_key_id'])}.*${wrong.id}`));
    expect(await snapshot()).toEqual(before);
  });

  it('moves to a new root key if the previous one is given, and then needs only the new one', async () => {
    const { ring, vault, ids } = await openTestVault(database, clock);
    const secretId = await vault.put(database, new SecretString('EAAtoken'), ['t']);
    const source = { clock, ids, random };
    const previous = new LocalRootKey(new SecretString(TEST_ROOT_KEY), random);
    await KeyRing.open(database, rootKey(9), previous, source);
    const later = await KeyRing.open(database, rootKey(9), null, source);
    expect(Buffer.from(later.activeKek().key)).toEqual(Buffer.from(ring.activeKek().key));
    expect((await new Vault(later, source).get(database, secretId, ['t']))?.expose()).toBe('EAAtoken');
    await expect(KeyRing.open(database, previous, null, source)).rejects.toThrow(WrongRootKeyError);
  });

  it('opens a secret only under its own context and row', async () => {
    const { vault } = await openTestVault(database, clock);
    const context = ['credential', 'tenant-a', 'con_1', 'crd_1', 'user', '1'];
    const id = await vault.put(database, new SecretString('EAAtoken'), context);
    const other = await vault.put(database, new SecretString('EAAother'), context);
    expect((await vault.get(database, id, context))?.expose()).toBe('EAAtoken');
    for (const field of context.keys()) {
      const moved = context.map((value, index) => (index === field ? `${value}x` : value));
      await expect(vault.get(database, id, moved)).rejects.toThrow(DecryptionError);
    }
    await database.run({
      text: `UPDATE sealed_secret a SET ciphertext = b.ciphertext, wrapped_key = b.wrapped_key FROM sealed_secret b
        WHERE a.id = $1 AND b.id = $2`,
      values: [id, other],
    });
    await expect(vault.get(database, id, context)).rejects.toThrow(DecryptionError);
  });

  it('seals nothing under a key that another replica retired', async () => {
    const { ring, vault, ids } = await openTestVault(database, clock);
    const retired = ring.activeKek().id;
    await database.run({
      text: `UPDATE encryption_key SET state = 'retired', wrapped = NULL, retired_at = now() WHERE id = $1`,
      values: [retired],
    });
    await KeyRing.open(database, new LocalRootKey(new SecretString(TEST_ROOT_KEY), random), null, {
      clock,
      ids,
      random,
    });
    const id = await vault.put(database, new SecretString('EAAtoken'), ['t']);
    const [row] = await database.rows<{ kek_id: string }>({
      text: 'SELECT kek_id FROM sealed_secret WHERE id = $1',
      values: [id],
    });
    expect(row?.kek_id).not.toBe(retired);
  });

  it('forgets a destroyed secret', async () => {
    const { vault } = await openTestVault(database, clock);
    const id = await vault.put(database, new SecretString('EAAtoken'), ['t']);
    await vault.destroy(database, [id]);
    expect(await vault.get(database, id, ['t'])).toBeNull();
  });
});
