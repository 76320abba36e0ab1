import type { Database, Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Random } from '../../platform/random.ts';
import { KEY_BYTES, keyedHash, wipe } from '../aead.ts';
import type { KekId } from '../ids.ts';
import type { RootKey, WrapContext } from '../root-keys/root-key.ts';
import type { Kek } from '../sealed-secret.ts';
import {
  deactivateKek,
  type EncryptionKeyRow,
  insertEncryptionKey,
  type KeyPurpose,
  lockActiveKek,
  lockKeyRing,
  type NewEncryptionKey,
  readEncryptionKeys,
  rewrapKey,
} from './encryption-key.repository.ts';
import { findRevivedKeys } from './revived-keys.ts';

const ROW_MAC_BYTES = 16;
const ROW_KEY_CONTEXT = 'metavault row mac key';
const PURPOSES: readonly KeyPurpose[] = ['data', 'audit', 'lookup'];
/** How long a retired key stays in memory: a row that was read just before its rewrap still needs it. Longer than any statement. */
const RETIRED_KEY_RETENTION_MS = 30_000;

/** The dependencies for creating keys, besides the root key. */
interface KeySource {
  clock: Clock;
  ids: Ids;
  random: Random;
}

/** A key-encryption key that was just made active. */
export interface RotatedKek {
  id: KekId;
  createdAt: Date;
  /** The previously active one; it still opens what it wraps. */
  replacedId: KekId;
}

/** The configured root key is not the one that wraps the ring. Nothing was changed. */
export class WrongRootKeyError extends Error {
  constructor(needed: string, given: string) {
    super(
      `ROOT_KEY opens another vault: this database needs the root key with the fingerprint ${needed}, the one given has ${given}. ` +
        'Give the right key; to change it, set the new one as ROOT_KEY and the old one as ROOT_KEY_PREVIOUS ' +
        '(for a KMS: AWS_KMS_KEY_ID_PREVIOUS, VAULT_TRANSIT_KEY_PREVIOUS). Nothing was changed.',
    );
    this.name = 'WrongRootKeyError';
  }
}

/**
 * The key ring: key-encryption keys ("data"), the key of the audit chain and the key of lookup hashes, each stored wrapped by the root key,
 * and opened once at the start. Keys are chosen by id and never tried.
 */
export class KeyRing {
  readonly #keys = new Map<string, Uint8Array>();
  readonly #active = new Map<KeyPurpose, KekId>();
  /** Keys that are retired but kept for a moment, with the time that was noticed, in monotonic milliseconds. */
  readonly #retiredSeenAtMs = new Map<string, number>();
  #revived: ReadonlySet<KekId> = new Set();

  #rowKey: { derivedFrom: KekId; key: Uint8Array } | null = null;

  private constructor(
    private readonly database: Database,
    private readonly rootKey: RootKey,
    private readonly previousRootKey: RootKey | null,
    private readonly source: KeySource,
  ) {}

  /**
   * Opens the ring, creates its missing keys, and moves it to a new root key if the previous one is configured. Throws `WrongRootKeyError`.
   */
  static async open(
    database: Database,
    rootKey: RootKey,
    previousRootKey: RootKey | null,
    source: KeySource,
  ): Promise<KeyRing> {
    const ring = new KeyRing(database, rootKey, previousRootKey, source);
    await ring.loadAuditKey(await readEncryptionKeys(database));
    await database.transaction(async (tx) => {
      await lockKeyRing(tx);
      const rows = await ring.readRows(tx);
      for (const id of ring.#revived) await deactivateKek(tx, id);
      ring.checkRootKeys(rows);
      for (const row of rows) if (row.root_key_id !== rootKey.id) await ring.moveToRootKey(tx, row);
      for (const purpose of PURPOSES) {
        if (!rows.some((row) => row.purpose === purpose && row.state === 'active'))
          await insertEncryptionKey(tx, await ring.newKey(purpose));
      }
    });
    await ring.reload();
    return ring;
  }

  /**
   * Loads keys that other replicas created, and drops retired ones, also where their rows hold a key again. A key that can't be opened does not hold up the others: its error is
   * thrown after they are loaded.
   */
  async reload(): Promise<void> {
    const faults: unknown[] = [];
    for (const row of await this.readRows(this.database)) {
      if (row.wrapped === null) {
        this.evictRetired(row.id);
        continue;
      }
      try {
        if (!this.#keys.has(row.id)) this.#keys.set(row.id, await this.unwrap(row));
        if (row.state === 'active') this.#active.set(row.purpose, row.id);
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  }

  /**
   * Creates a new active KEK; the previous one only opens from then on. `record` writes what must be committed with it. The root key is
   * called before the transaction begins, so a slow KMS holds nothing up. Throws `RootKeyUnavailableError`, and `WrongRootKeyError` if the
   * ring has moved to another root key since this replica started; then nothing was changed.
   */
  async rotate(record: (tx: Transaction, rotated: RotatedKek) => Promise<void>): Promise<RotatedKek> {
    const key = await this.newKey('data');
    // Verifies that the root key unwraps what it wrapped, before anything is sealed under the new key.
    const opened = await this.rootKey.unwrap(key.wrapped, wrapContext(key.id, key.purpose));
    const rotated = await this.database.transaction(async (tx) => {
      await lockKeyRing(tx);
      // Waits for transactions that are sealing under the old key (`Vault.put`): nothing is sealed under it once this has committed.
      const old = await lockActiveKek(tx);
      if (old === null) throw new Error('the key ring has no active data key');
      if (old.root_key_id !== this.rootKey.id) throw new WrongRootKeyError(old.root_key_id, this.rootKey.id);
      await deactivateKek(tx, old.id);
      await insertEncryptionKey(tx, key);
      const made: RotatedKek = { id: key.id, createdAt: key.createdAt, replacedId: old.id };
      await record(tx, made);
      return made;
    });
    this.#keys.set(rotated.id, opened);
    this.#active.set('data', rotated.id);
    return rotated;
  }

  /** The retired KEKs that the last reload found in their rows again. */
  get revivedKeys(): readonly KekId[] {
    return [...this.#revived];
  }

  /** The KEK that new data keys are wrapped with. */
  activeKek(): Kek {
    return this.active('data');
  }

  /** A KEK by its id; queries the database once if it is not loaded yet. Null if it does not exist or is retired. */
  async findKek(id: KekId): Promise<Kek | null> {
    if (!this.#keys.has(id)) await this.reload();
    const key = this.#keys.get(id);
    return key === undefined ? null : { id, key };
  }

  /** A KEK by its id, if it is loaded. */
  getCachedKek(id: KekId): Kek | null {
    const key = this.#keys.get(id);
    return key === undefined ? null : { id, key };
  }

  /** A keyed hash under which a high-entropy secret (an API key, a lease, a token) may be stored and looked up. 32 bytes. */
  blindIndex(value: string): Buffer {
    return keyedHash(this.active('lookup').key, value);
  }

  /** A MAC for the audit chain, 32 bytes. Its key is not a KEK: rotating or deleting KEKs leaves the chain verifiable. */
  computeAuditMac(message: Uint8Array): Buffer {
    return keyedHash(this.active('audit').key, message);
  }

  /**
   * A MAC for a row that decides who may do what, 16 bytes. Its key is derived from that of the audit chain, so that nobody can take it out of
   * the database, and have a new one made, without breaking the chain.
   */
  computeRowMac(message: string): Buffer {
    return keyedHash(this.rowKey(), message, ROW_MAC_BYTES);
  }

  private rowKey(): Uint8Array {
    const { id, key } = this.active('audit');
    if (this.#rowKey?.derivedFrom !== id) this.#rowKey = { derivedFrom: id, key: keyedHash(key, ROW_KEY_CONTEXT) };
    return this.#rowKey.key;
  }

  /** The stored keys; one that came back after its retirement has none. */
  private async readRows(executor: SqlExecutor): Promise<EncryptionKeyRow[]> {
    const rows = await readEncryptionKeys(executor);
    // Without its key there is no record yet.
    if (this.#active.has('audit')) this.#revived = await findRevivedKeys(executor, this, rows);
    return rows.map((row) => (this.#revived.has(row.id) ? { ...row, state: 'retired', wrapped: null } : row));
  }

  /** The record says which keys must not be loaded, and its own key comes first. */
  private async loadAuditKey(rows: readonly EncryptionKeyRow[]): Promise<void> {
    const row = rows.find(({ purpose, state }) => purpose === 'audit' && state === 'active');
    if (row === undefined) return;
    this.#keys.set(row.id, await this.unwrap(row));
    this.#active.set('audit', row.id);
  }

  private active(purpose: KeyPurpose): Kek {
    const id = this.#active.get(purpose);
    const key = id === undefined ? undefined : this.#keys.get(id);
    if (id === undefined || key === undefined) throw new Error(`the key ring has no active ${purpose} key`);
    return { id, key };
  }

  private evictRetired(id: KekId): void {
    const key = this.#keys.get(id);
    if (key === undefined) return;
    const seenAt = this.#retiredSeenAtMs.get(id) ?? performance.now();
    this.#retiredSeenAtMs.set(id, seenAt);
    if (performance.now() - seenAt < RETIRED_KEY_RETENTION_MS) return;
    wipe(key);
    this.#keys.delete(id);
    this.#retiredSeenAtMs.delete(id);
  }

  private checkRootKeys(rows: readonly EncryptionKeyRow[]): void {
    for (const { root_key_id: needed, wrapped } of rows) {
      if (wrapped === null || needed === this.rootKey.id || needed === this.previousRootKey?.id) continue;
      throw new WrongRootKeyError(needed, this.rootKey.id);
    }
  }

  private async unwrap(row: EncryptionKeyRow): Promise<Uint8Array> {
    const rootKey = [this.rootKey, this.previousRootKey].find((each) => each?.id === row.root_key_id);
    if (rootKey == null) throw new WrongRootKeyError(row.root_key_id, this.rootKey.id);
    return rootKey.unwrap(row.wrapped ?? Buffer.alloc(0), wrapContext(row.id, row.purpose));
  }

  private async moveToRootKey(tx: SqlExecutor, row: EncryptionKeyRow): Promise<void> {
    if (row.wrapped === null) return;
    const key = await this.unwrap(row);
    const wrapped = await this.rootKey.wrap(key, wrapContext(row.id, row.purpose));
    wipe(key);
    await rewrapKey(tx, row.id, wrapped, this.rootKey.id);
  }

  /** A new key in its stored form; its plaintext bytes are wiped. */
  private async newKey(purpose: KeyPurpose): Promise<NewEncryptionKey> {
    const { clock, ids, random } = this.source;
    const id = ids.next('kek');
    const key = random.bytes(KEY_BYTES);
    try {
      const wrapped = await this.rootKey.wrap(key, wrapContext(id, purpose));
      return { id, purpose, wrapped, rootKeyId: this.rootKey.id, createdAt: clock.now() };
    } finally {
      wipe(key);
    }
  }
}

function wrapContext(id: KekId, purpose: KeyPurpose): WrapContext {
  return { service: 'metavault', key_id: id, purpose };
}
