import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditLog } from '../../../../src/audit/audit-log.ts';
import type { Database } from '../../../../src/database/database.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { KekRepository } from '../../../../src/vault/keys/kek.repository.ts';
import { KeyRewrap } from '../../../../src/vault/keys/key-rewrap.ts';
import { KeyRing, WrongRootKeyError } from '../../../../src/vault/keys/key-ring.ts';
import { RewrapWorker } from '../../../../src/vault/keys/rewrap-worker.ts';
import { LocalRootKey } from '../../../../src/vault/root-keys/local-root-key.ts';
import { RootKeyUnavailableError } from '../../../../src/vault/root-keys/root-key.ts';
import { DecryptionError } from '../../../../src/vault/sealed-secret.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../../support/fresh-database.ts';
import { captureLog } from '../../../support/test-replica.ts';
import { openTestVault, TEST_ROOT_KEY, type TestVault } from '../../../support/test-vault.ts';
import { until } from '../../../support/until.ts';

const clock = new FakeClock();
const random = new SystemRandom();
const CONTEXT = ['a context'];
const unrecorded = async (): Promise<void> => undefined;

let open: OpenDatabase;
let database: Database;
let first: TestVault;
let second: TestVault;
let kekRepository: KekRepository;

beforeEach(async () => {
  open = await openFreshDatabase();
  database = open.database;
  first = await openTestVault(database, clock);
  second = await openTestVault(database, clock);
  kekRepository = new KekRepository(database, clock);
});
afterEach(() => open.close());

const put = (of: TestVault, text: string) => of.vault.put(database, new SecretString(text), CONTEXT);
const read = async (of: TestVault, id: `sec_${string}`) => (await of.vault.get(database, id, CONTEXT))?.expose();
const rewrapOf = (of: TestVault) => new KeyRewrap(database, of.ring, clock, random);
const workerOf = (of: TestVault, log = captureLog()) =>
  new RewrapWorker(rewrapOf(of), new AuditLog(clock, of.ids, of.ring, of.integrity), log.logger);
const request = (of: TestVault) => database.transaction((tx) => rewrapOf(of).request(tx));
/** Old keys first: keys created in the same millisecond have no order by id. */
const states = async () =>
  (await kekRepository.list(10, null))
    .map(({ state, data_keys }) => [state, data_keys])
    .sort((a, b) => (a < b ? 1 : -1));
const never = () => false;

describe('rotating', () => {
  it('creates a new active key that other replicas pick up, and the old one still opens', async () => {
    const before = await put(first, 'before');
    const { id, replacedId } = await first.ring.rotate(unrecorded);
    expect(first.ring.activeKek().id).toBe(id);
    // The second replica has not reloaded yet, but still seals under the new key.
    expect(second.ring.activeKek().id).toBe(replacedId);
    const after = await put(second, 'after');
    expect(await states()).toEqual([
      ['decrypt_only', 1],
      ['active', 1],
    ]);
    for (const each of [first, second])
      expect([await read(each, before), await read(each, after)]).toEqual(['before', 'after']);
  });

  it('leaves one active key, however many replicas rotate at once', async () => {
    await Promise.all([first, second, first, second].map(({ ring }) => ring.rotate(unrecorded)));
    const keks = await kekRepository.list(10, null);
    expect(keks.map(({ state }) => state).sort()).toEqual(['active', ...Array(4).fill('decrypt_only')]);
  });

  it('changes nothing if its entry cannot be written', async () => {
    const before = await states();
    const broken = first.ring.rotate(() => Promise.reject(new Error('no entry')));
    await expect(broken).rejects.toThrow('no entry');
    expect(await states()).toEqual(before);
    expect(await read(first, await put(first, 'still'))).toBe('still');
  });

  it('changes nothing if the root key is unavailable', async () => {
    const rootKey = new LocalRootKey(new SecretString(TEST_ROOT_KEY), random);
    const ring = await KeyRing.open(database, rootKey, null, { clock, ids: first.ids, random });
    rootKey.wrap = () => Promise.reject(new RootKeyUnavailableError('timeout', 'slow'));
    const before = await states();
    await expect(ring.rotate(unrecorded)).rejects.toThrow(RootKeyUnavailableError);
    expect(await states()).toEqual(before);
  });

  it('is refused for a replica with a replaced root key', async () => {
    const next = new LocalRootKey(new SecretString(Buffer.alloc(32, 9).toString('base64')), random);
    const previous = new LocalRootKey(new SecretString(TEST_ROOT_KEY), random);
    await KeyRing.open(database, next, previous, { clock, ids: first.ids, random });
    await expect(first.ring.rotate(unrecorded)).rejects.toThrow(WrongRootKeyError);
    expect(await read(first, await put(first, 'still'))).toBe('still');
  });
});

describe('moving to a new root key', () => {
  it('is atomic: if interrupted, the old root key still opens everything', async () => {
    await first.ring.rotate(unrecorded);
    const id = await put(first, 'kept');
    const next = new LocalRootKey(new SecretString(Buffer.alloc(32, 9).toString('base64')), random);
    const previous = new LocalRootKey(new SecretString(TEST_ROOT_KEY), random);
    const wrap = next.wrap.bind(next);
    let wraps = 0;
    next.wrap = async (key, context) => {
      if (++wraps === 3) throw new Error('the process ends here');
      return wrap(key, context);
    };
    const source = { clock, ids: first.ids, random };
    await expect(KeyRing.open(database, next, previous, source)).rejects.toThrow('ends here');
    const reopened = await openTestVault(database, clock);
    expect(await read(reopened, id)).toBe('kept');
    await KeyRing.open(database, next, previous, source);
    await expect(openTestVault(database, clock)).rejects.toThrow(WrongRootKeyError);
  });
});

describe('rewrapping', () => {
  it('moves every data key to the active KEK and leaves the secrets readable', async () => {
    const ids = await Promise.all(Array.from({ length: 25 }, (_, n) => put(first, `secret ${n}`)));
    await first.ring.rotate(unrecorded);
    expect(await request(first)).toBe(true);
    expect(await request(second)).toBe(false);
    expect(await rewrapOf(first).progress()).toMatchObject({ state: 'running', total: 25, remaining: 25 });
    await workerOf(second).runOnce(never);
    expect(await rewrapOf(first).progress()).toMatchObject({ state: 'done', rewrapped: 25, remaining: 0 });
    expect(await states()).toEqual([
      ['decrypt_only', 0],
      ['active', 25],
    ]);
    expect(await Promise.all(ids.map((id) => read(first, id)))).toEqual(ids.map((_, n) => `secret ${n}`));
    const [entry] = await database.rows<{ details: object }>({
      text: `SELECT details FROM audit_entry WHERE action = 'key.rewrapped'`,
    });
    expect(entry?.details).toEqual({ total: 25, rewrapped: 25, unopenable: 0 });
  });

  it('is shared by replicas without repeating work', async () => {
    for (let n = 0; n < 30; n++) await put(first, `secret ${n}`);
    await first.ring.rotate(unrecorded);
    await request(first);
    const [one, two] = [rewrapOf(first), rewrapOf(second)];
    let moved = 0;
    while ((await one.progress()).remaining > 0) {
      const steps = await Promise.all([one.step(null, 4), two.step(null, 4)]);
      for (const { rewrapped } of steps) moved += rewrapped;
    }
    expect(moved).toBe(30);
    expect(await one.progress()).toMatchObject({ rewrapped: 30 });
  });

  it('continues where a replica stopped', async () => {
    for (let n = 0; n < 10; n++) await put(first, `secret ${n}`);
    await first.ring.rotate(unrecorded);
    await request(first);
    await rewrapOf(first).step(null, 4);
    expect(await rewrapOf(second).progress()).toMatchObject({ state: 'running', rewrapped: 4, remaining: 6 });
    await workerOf(second).runOnce(never);
    expect(await rewrapOf(second).progress()).toMatchObject({ state: 'done', rewrapped: 10 });
  });

  it('does nothing unless requested', async () => {
    await put(first, 'secret');
    await first.ring.rotate(unrecorded);
    await workerOf(first).runOnce(never);
    expect(await rewrapOf(first).progress()).toMatchObject({ state: 'idle', remaining: 1 });
  });

  it('leaves an altered data key in place, reports it, and moves the rest', async () => {
    const bad = await put(first, 'bad');
    await put(first, 'good');
    await database.run({
      text: `UPDATE sealed_secret SET wrapped_key = set_byte(wrapped_key, 30, get_byte(wrapped_key, 30) # 1) WHERE id = $1`,
      values: [bad],
    });
    await first.ring.rotate(unrecorded);
    await request(first);
    const log = captureLog();
    await workerOf(first, log).runOnce(never);
    expect(await rewrapOf(first).progress()).toMatchObject({ state: 'incomplete', remaining: 1, unopenable: 1 });
    expect(log.lines).toContainEqual(expect.objectContaining({ secrets: [bad] }));
    expect(await states()).toEqual([
      ['decrypt_only', 1],
      ['active', 1],
    ]);
  });
});

describe('retiring', () => {
  const retire = (id: `kek_${string}`) => kekRepository.retire(id, unrecorded);

  it('is refused for the active key and for one that still wraps a secret', async () => {
    const old = first.ring.activeKek().id;
    const id = await put(first, 'needs it');
    expect(await retire(old)).toEqual({ outcome: 'active' });
    await first.ring.rotate(unrecorded);
    expect(await retire(old)).toEqual({ outcome: 'in_use', dataKeys: 1 });
    await first.vault.destroy(database, [id]);
    expect(await retire(old)).toEqual({ outcome: 'retired' });
    expect(await retire(old)).toEqual({ outcome: 'was_retired' });
    expect(await retire('kek_unknown')).toEqual({ outcome: 'unknown' });
  });

  it("destroys the wrapped key, so that replicas started later don't have it", async () => {
    const old = first.ring.activeKek().id;
    await first.ring.rotate(unrecorded);
    await retire(old);
    const later = await openTestVault(database, clock);
    expect(await later.ring.findKek(old)).toBeNull();
    const rows = await database.rows({
      text: 'SELECT wrapped FROM encryption_key WHERE id = $1 AND retired_at IS NOT NULL',
      values: [old],
    });
    expect(rows).toEqual([{ wrapped: null }]);
  });

  it('never affects the keys of the audit chain and of lookup hashes', async () => {
    const others = await database.rows<{ id: `kek_${string}` }>({
      text: `SELECT id FROM encryption_key WHERE purpose <> 'data'`,
    });
    expect(others).toHaveLength(2);
    for (const { id } of others) expect(await retire(id)).toEqual({ outcome: 'unknown' });
  });

  it('waits for transactions that are sealing under the key', async () => {
    const old = first.ring.activeKek().id;
    let ended: unknown = null;
    let rotation: Promise<unknown> | null = null;
    await database.transaction(async (tx) => {
      await second.vault.put(tx, new SecretString('under way'), CONTEXT);
      rotation = first.ring.rotate(unrecorded).then(() => retire(old).then((end) => (ended = end)));
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      await until(
        () => database.rows({ text: waiting }),
        (rows) => rows.length > 0,
      );
      expect(ended).toBeNull();
    });
    await rotation;
    expect(ended).toEqual({ outcome: 'in_use', dataKeys: 1 });
  });
});

describe('a database that somebody tampered with', () => {
  it('opens nothing that was swapped, moved or replayed, and serves the rest', async () => {
    const [a, b, good] = [await put(first, 'a'), await put(first, 'b'), await put(first, 'good')];
    const [older] = await database.rows<{ wrapped_key: Buffer; ciphertext: Buffer }>({
      text: 'SELECT wrapped_key, ciphertext FROM sealed_secret WHERE id = $1',
      values: [a],
    });
    await database.run({
      text: `UPDATE sealed_secret x SET wrapped_key = y.wrapped_key, ciphertext = y.ciphertext FROM sealed_secret y
        WHERE (x.id, y.id) IN (($1, $2), ($2, $1))`,
      values: [a, b],
    });
    await expect(read(first, a)).rejects.toThrow(DecryptionError);
    await expect(read(first, b)).rejects.toThrow(DecryptionError);
    // An older row restored under the id of a newer secret.
    const newer = await put(first, 'newer');
    await database.run({
      text: 'UPDATE sealed_secret SET wrapped_key = $2, ciphertext = $3 WHERE id = $1',
      values: [newer, older?.wrapped_key, older?.ciphertext],
    });
    await expect(read(first, newer)).rejects.toThrow(DecryptionError);
    expect(await read(first, good)).toBe('good');
  });

  it('does not open a key of the ring in place of another', async () => {
    await first.ring.rotate(unrecorded);
    await database.run({
      text: `UPDATE encryption_key k SET wrapped = o.wrapped FROM encryption_key o
        WHERE k.purpose = 'data' AND k.state = 'active' AND o.purpose = 'data' AND o.state = 'decrypt_only'`,
    });
    await expect(openTestVault(database, clock)).rejects.toThrow('cannot open this key of the ring');
  });
});
