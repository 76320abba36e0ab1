import { Inject, Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { KEY_BYTES, wipe } from '../aead.ts';
import type { PayloadKeyId, SecretId } from '../ids.ts';
import { LoggedTenants } from '../logged-tenants.ts';
import { DecryptionError, type SealContext } from '../sealed-secret.ts';
import { Vault } from '../vault.ts';
import {
  deletePayloadKeys,
  findPayloadKey,
  findPayloadKeys,
  insertPayloadKeys,
  lockPayloadKeysOfTenant,
  type PayloadKeyOwner,
  type PayloadKeyRow,
} from './payload-key.repository.ts';
import { ownerKey, PayloadKeyCache } from './payload-key-cache.ts';
import type { PayloadKey } from './sealed-payload.ts';

const ATTEMPTS = 3;

/**
 * Manages payload keys, one per tenant and day. Each is a sealed secret, so rotating, rewrapping and retiring KEKs
 * covers them. Caches opened keys.
 */
@Injectable()
export class PayloadKeys {
  readonly #cache = new PayloadKeyCache();

  constructor(
    private readonly vault: Vault,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
    @Inject(LOGGER) private readonly logger: Pick<Pino, 'error'>,
    @Inject(LoggedTenants) private readonly loggedTenants: Pick<LoggedTenants, 'fieldOf'>,
  ) {}

  /**
   * Returns the keys of these owners by `ownerKey`, creating missing ones in the given transaction. The caller must
   * wipe them.
   */
  async obtain(executor: SqlExecutor, owners: readonly PayloadKeyOwner[]): Promise<Map<string, PayloadKey>> {
    const found = new Map<string, PayloadKey>();
    const wanted = new Map(owners.map((owner) => [ownerKey(owner), owner]));
    for (const [name, owner] of wanted) {
      const cached = this.#cache.findOf(owner);
      if (cached !== null) found.set(name, cached);
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const missing = [...wanted].filter(([name]) => !found.has(name)).map(([, owner]) => owner);
      if (missing.length === 0) return found;
      const unusable: PayloadKeyRow[] = [];
      for (const row of await findPayloadKeys(executor, missing)) {
        const key = await this.open(row);
        if (key === null) unusable.push(row);
        else found.set(ownerKey(row), key);
      }
      for (const { id, tenant, day } of unusable) {
        const about = { payload_key_id: id, ...this.loggedTenants.fieldOf(tenant), day };
        this.logger.error(about, 'a payload key cannot be opened and is replaced');
      }
      await this.destroy(executor, unusable);
      const without = missing.filter((owner) => !found.has(ownerKey(owner)));
      for (const key of await this.create(executor, without)) found.set(ownerKey(key), key);
    }
    throw new Error('payload keys keep disappearing');
  }

  /**
   * Returns a copy of the key, which the caller must wipe; null if it was destroyed. Throws `DecryptionError` if it
   * can't be opened.
   */
  async find(executor: SqlExecutor, id: PayloadKeyId): Promise<PayloadKey | null> {
    const cached = this.#cache.find(id);
    if (cached !== null) return cached;
    const row = await findPayloadKey(executor, id);
    if (row === null) return null;
    const key = await this.open(row);
    if (key === null) throw new DecryptionError(row.secret_id);
    return key;
  }

  /** Destroys up to `limit` keys of a tenant, and with them everything they seal. Returns their ids. */
  async destroyOfTenant(tx: SqlExecutor, tenant: string, limit: number): Promise<PayloadKeyId[]> {
    const rows = await lockPayloadKeysOfTenant(tx, tenant, limit);
    await this.destroy(tx, rows);
    return rows.map(({ id }) => id);
  }

  /** Destroys keys that the caller has locked. */
  async destroy(tx: SqlExecutor, rows: readonly { id: PayloadKeyId; secret_id: SecretId }[]): Promise<void> {
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    await deletePayloadKeys(tx, ids);
    await this.vault.destroy(
      tx,
      rows.map(({ secret_id: secretId }) => secretId),
    );
    this.#cache.delete(ids);
  }

  /** Wipes these keys from memory, because they may be gone from the database. */
  forget(ids: readonly PayloadKeyId[]): void {
    this.#cache.delete(ids);
  }

  /** Wipes expired keys from memory. */
  forgetOld(): void {
    this.#cache.deleteOld();
  }

  /** Returns null if it can't be opened: the KEK is gone, or the row was altered. */
  private async open(row: PayloadKeyRow): Promise<PayloadKey | null> {
    const { id, tenant, day, secret_id, kek_id, wrapped_key, ciphertext, is_uncommitted: isUncommitted } = row;
    if (kek_id === null || wrapped_key === null || ciphertext === null) return null;
    try {
      const secret = await this.vault.open({ secret_id, kek_id, wrapped_key, ciphertext }, contextOf(row));
      const key = { id, tenant, day, key: Buffer.from(secret.expose(), 'base64') };
      if (!isUncommitted) this.#cache.add(key);
      return key;
    } catch (error) {
      if (error instanceof DecryptionError) return null;
      throw error;
    }
  }

  /** Creates keys, except for owners that got one concurrently. Doesn't cache them: the transaction may roll back. */
  private async create(executor: SqlExecutor, owners: readonly PayloadKeyOwner[]): Promise<PayloadKey[]> {
    if (owners.length === 0) return [];
    const keys = owners.map((owner) => ({ ...owner, id: this.ids.next('pky'), key: this.random.bytes(KEY_BYTES) }));
    const secrets = keys.map((key) => ({
      secret: new SecretString(Buffer.from(key.key).toString('base64')),
      context: contextOf(key),
    }));
    const secretIds = await this.vault.putAll(executor, secrets);
    const rows = keys.map((key, index) => ({ ...key, secretId: secretIds[index] as SecretId }));
    const inserted = await insertPayloadKeys(executor, rows, this.clock.now());
    const surplus = rows.filter(({ id }) => !inserted.has(id));
    await this.vault.destroy(
      executor,
      surplus.map(({ secretId }) => secretId),
    );
    wipe(...surplus.map(({ key }) => key));
    return keys.filter(({ id }) => inserted.has(id));
  }
}

function contextOf({ id, tenant, day }: PayloadKeyOwner & { id: PayloadKeyId }): SealContext {
  return ['payload_key', id, tenant, day];
}
