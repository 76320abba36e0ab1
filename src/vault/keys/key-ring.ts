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
/** How long a retired key stays in memory, for rows read just before their rewrap. Longer than any statement. */
const RETIRED_KEY_RETENTION_MS = 30_000;

/** What is needed to create keys, besides the root key. */
interface KeySource {
  clock: Clock;
  ids: Ids;
  random: Random;
}

/** A key-encryption key that just became active. */
export interface RotatedKek {
  id: KekId;
  createdAt: Date;
  /** The previous KEK, which still opens what it wraps. */
  replacedId: KekId;
}

/** The configured root key doesn't wrap the ring. Nothing was changed. */
export class WrongRootKeyError extends Error {
  constructor(needed: string, given: string) {
    super(
      `ROOT_KEY is for another vault: this database needs the root key with fingerprint ${needed}, but got ${given}. ` +
        'Set the right key. To change it, set the new one as ROOT_KEY and the old one as ROOT_KEY_PREVIOUS ' +
        '(for a KMS: AWS_KMS_KEY_ID_PREVIOUS, VAULT_TRANSIT_KEY_PREVIOUS). Nothing was changed.',
    );
    this.name = 'WrongRootKeyError';
  }
}

/**
 * The key ring: key-encryption keys ("data"), the key of the audit chain and the key of lookup hashes. Each is stored
 * wrapped by the root key and unwrapped once at startup. Keys are selected by id, never tried.
 */
export class KeyRing {
  readonly #keys = new Map<string, Uint8Array>();
  readonly #active = new Map<KeyPurpose, KekId>();
  /** When each retired key that is still in memory was found retired, in monotonic milliseconds. */
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
   * Opens the ring, creates missing keys, and moves the ring to a new root key if the previous one is configured.
   * Throws `WrongRootKeyError`.
   */
  static async open(
    database: Database,
    rootKey: RootKey,
    previousRootKey: RootKey | null,
    source: KeySource,
  ): Promise<KeyRing> {
    const ring = new KeyRing(database, rootKey, previousRootKey, source);
    await ring.loadAuditKey(await readEncryptionKeys(database));
    await database.longRunning.transaction(async (tx) => {
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
   * Loads keys that other replicas created and drops retired ones, even if their rows hold a key again. If a key can't
   * be opened, loads all others and then throws its error.
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
   * Creates a new active KEK; the previous one becomes decrypt-only. `record` runs in the same transaction. Calls the
   * root key before the transaction, so a slow KMS blocks nothing. Throws `RootKeyUnavailableError`, and
   * `WrongRootKeyError` if the ring has moved to another root key since startup; both change nothing.
   */
  async rotate(record: (tx: Transaction, rotated: RotatedKek) => Promise<void>): Promise<RotatedKek> {
    const key = await this.newKey('data');
    // Check that the root key can unwrap the new key before anything is sealed under it.
    const opened = await this.rootKey.unwrap(key.wrapped, wrapContext(key.id, key.purpose));
    const rotated = await this.database.longRunning.transaction(async (tx) => {
      await lockKeyRing(tx);
      // Waits for transactions that are sealing under the old key (`Vault.put`). Nothing is sealed under it after the
      // commit.
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

  /** The retired KEKs whose keys the last reload found in the database again. */
  get revivedKeys(): readonly KekId[] {
    return [...this.#revived];
  }

  /** Returns the KEK that wraps new data keys. */
  activeKek(): Kek {
    return this.active('data');
  }

  /** Returns a KEK, reloading the ring if it is not loaded. Null if unknown or retired. */
  async findKek(id: KekId): Promise<Kek | null> {
    if (!this.#keys.has(id)) await this.reload();
    const key = this.#keys.get(id);
    return key === undefined ? null : { id, key };
  }

  /** Returns a KEK if it is loaded. */
  getCachedKek(id: KekId): Kek | null {
    const key = this.#keys.get(id);
    return key === undefined ? null : { id, key };
  }

  /** Hashes a high-entropy secret (API key, lease, token) for storage and lookup. Keyed, 32 bytes. */
  blindIndex(value: string): Buffer {
    return keyedHash(this.active('lookup').key, value);
  }

  /**
   * Computes a MAC for the audit chain, 32 bytes. Its key is not a KEK, so the chain stays verifiable when KEKs are
   * rotated or deleted.
   */
  computeAuditMac(message: Uint8Array): Buffer {
    return keyedHash(this.active('audit').key, message);
  }

  /**
   * Computes a MAC for a row that decides access, 16 bytes. Its key is derived from the audit chain's, so replacing it
   * in the database would break the chain.
   */
  computeRowMac(message: string): Buffer {
    return keyedHash(this.rowKey(), message, ROW_MAC_BYTES);
  }

  private rowKey(): Uint8Array {
    const { id, key } = this.active('audit');
    if (this.#rowKey?.derivedFrom !== id) this.#rowKey = { derivedFrom: id, key: keyedHash(key, ROW_KEY_CONTEXT) };
    return this.#rowKey.key;
  }

  /** Reads the stored keys, treating revived ones as retired. */
  private async readRows(executor: SqlExecutor): Promise<EncryptionKeyRow[]> {
    const rows = await readEncryptionKeys(executor);
    // Until the audit key is loaded, the record can't be checked.
    if (this.#active.has('audit')) this.#revived = await findRevivedKeys(executor, this, rows);
    return rows.map((row) => (this.#revived.has(row.id) ? { ...row, state: 'retired', wrapped: null } : row));
  }

  /** Loaded first, because the record says which keys must not be loaded. */
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

  /** Returns a new wrapped key. Wipes its plaintext. */
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
