import type { Database, Sql } from '../database/database.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { Random } from '../platform/random.ts';
import { KEY_BYTES, keyedHash, wipe } from './aead.ts';
import type { RootKey } from './root-key.ts';
import type { Kek } from './sealed-secret.ts';

export type KeyPurpose = 'data' | 'audit' | 'lookup';
const PURPOSES: readonly KeyPurpose[] = ['data', 'audit', 'lookup'];
/** One start at a time makes or re-wraps keys. */
const KEY_RING_LOCK = 727_002;

interface KeyRow {
  id: string;
  purpose: KeyPurpose;
  state: 'active' | 'decrypt_only' | 'retired';
  wrapped: Buffer | null;
  root_key_id: string;
}

/** The root key given is not the one that the ring was made with. Nothing was changed. */
export class WrongRootKey extends Error {
  constructor(needed: string, given: string) {
    super(
      `ROOT_KEY opens another vault: this database needs the root key with the fingerprint ${needed}, the one given has ${given}. ` +
        'Give the right key; to change the root key, set the new one as ROOT_KEY and the old one as ROOT_KEY_PREVIOUS. Nothing was changed.',
    );
    this.name = 'WrongRootKey';
  }
}

/**
 * The key ring: key-encryption keys ("data"), the key of the audit chain and the key of look-up hashes, each stored wrapped by the
 * root key, and opened once at the start. Keys are chosen by id and never tried.
 */
export class KeyRing {
  readonly #keys = new Map<string, Uint8Array>();
  readonly #active = new Map<KeyPurpose, string>();

  private constructor(
    private readonly database: Database,
    private readonly rootKey: RootKey,
    private readonly previousRootKey: RootKey | null,
  ) {}

  /** Opens the ring, makes what is missing in it, moves it to a new root key where the previous one is given. Throws `WrongRootKey`. */
  static async open(
    database: Database,
    rootKey: RootKey,
    previousRootKey: RootKey | null,
    source: { clock: Clock; ids: Ids; random: Random },
  ): Promise<KeyRing> {
    const ring = new KeyRing(database, rootKey, previousRootKey);
    await database.transaction(async (tx) => {
      await tx.run({ text: 'SELECT pg_advisory_xact_lock($1)', values: [KEY_RING_LOCK] });
      const rows = await ring.read(tx);
      ring.checkRootKeys(rows);
      for (const row of rows) if (row.root_key_id !== rootKey.id) await ring.moveToRootKey(tx, row);
      for (const purpose of PURPOSES) {
        if (!rows.some((row) => row.purpose === purpose && row.state === 'active'))
          await ring.create(tx, purpose, source);
      }
    });
    await ring.reload();
    return ring;
  }

  /** Takes up keys that other replicas made, and lets go of retired ones. */
  async reload(): Promise<void> {
    const rows = await this.read(this.database);
    for (const row of rows) {
      if (row.wrapped === null) {
        const gone = this.#keys.get(row.id);
        if (gone !== undefined) wipe(gone);
        this.#keys.delete(row.id);
        continue;
      }
      if (row.state === 'active') this.#active.set(row.purpose, row.id);
      if (!this.#keys.has(row.id)) this.#keys.set(row.id, await this.unwrap(row));
    }
  }

  /** The KEK that new data keys are wrapped with. */
  activeKek(): Kek {
    return this.active('data');
  }

  /** A KEK by its id; looks into the database once where it is not known yet. Null where it does not exist or is retired. */
  async kek(id: string): Promise<Kek | null> {
    if (!this.#keys.has(id)) await this.reload();
    const key = this.#keys.get(id);
    return key === undefined ? null : { id, key };
  }

  /** A KEK by its id, where it is known here already. */
  knownKek(id: string): Kek | null {
    const key = this.#keys.get(id);
    return key === undefined ? null : { id, key };
  }

  /** A keyed hash under which a high-entropy secret (an API key, a lease, a token) may be stored and looked up. 32 bytes. */
  lookupHash(value: string): Buffer {
    return keyedHash(this.active('lookup').key, value);
  }

  /** A MAC for the audit chain, 32 bytes. Its key is no KEK: rotating or deleting KEKs leaves the chain provable. */
  auditMac(message: Uint8Array): Buffer {
    return keyedHash(this.active('audit').key, message);
  }

  private active(purpose: KeyPurpose): Kek {
    const id = this.#active.get(purpose);
    const key = id === undefined ? undefined : this.#keys.get(id);
    if (id === undefined || key === undefined) throw new Error(`the key ring has no active ${purpose} key`);
    return { id, key };
  }

  private read(sql: Sql): Promise<KeyRow[]> {
    return sql.rows<KeyRow>({
      text: 'SELECT id, purpose, state, wrapped, root_key_id FROM encryption_key ORDER BY id',
    });
  }

  private checkRootKeys(rows: KeyRow[]): void {
    for (const { root_key_id: needed, wrapped } of rows) {
      if (wrapped === null || needed === this.rootKey.id || needed === this.previousRootKey?.id) continue;
      throw new WrongRootKey(needed, this.rootKey.id);
    }
  }

  private unwrap(row: KeyRow): Promise<Uint8Array> {
    const rootKey = row.root_key_id === this.previousRootKey?.id ? this.previousRootKey : this.rootKey;
    return rootKey.unwrap(row.wrapped ?? Buffer.alloc(0), wrapContext(row.id, row.purpose));
  }

  private async moveToRootKey(tx: Sql, row: KeyRow): Promise<void> {
    if (row.wrapped === null) return;
    const key = await this.unwrap(row);
    const wrapped = await this.rootKey.wrap(key, wrapContext(row.id, row.purpose));
    wipe(key);
    await tx.run({
      text: 'UPDATE encryption_key SET wrapped = $2, root_key_id = $3 WHERE id = $1',
      values: [row.id, wrapped, this.rootKey.id],
    });
  }

  private async create(
    tx: Sql,
    purpose: KeyPurpose,
    { clock, ids, random }: { clock: Clock; ids: Ids; random: Random },
  ): Promise<void> {
    const id = ids.next('kek');
    const key = random.bytes(KEY_BYTES);
    const wrapped = await this.rootKey.wrap(key, wrapContext(id, purpose));
    wipe(key);
    await tx.run({
      text: `INSERT INTO encryption_key (id, purpose, state, wrapped, root_key_id, created_at) VALUES ($1, $2, 'active', $3, $4, $5)`,
      values: [id, purpose, wrapped, this.rootKey.id, clock.now()],
    });
  }
}

function wrapContext(id: string, purpose: KeyPurpose): Record<string, string> {
  return { service: 'metavault', key_id: id, purpose };
}
