import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import { mayBeApiKey } from './api-key.ts';
import type { Caller } from './caller.ts';
import { type ClientRow, POLICY_COLUMNS } from './client-row.ts';
import { KeyHasher } from './key-hasher.ts';

export type KeyRefusal = 'malformed_key' | 'unknown_key';

interface KnownKey extends ClientRow {
  key_expires_at: Date | null;
}

interface Remembered {
  caller: Caller;
  keyExpiresAtMs: number;
  readAtMs: number;
}

const MAX_AGE_MS = 5_000;
const MAX_REMEMBERED = 1_000;

/** Tells who calls, by the key that is presented. */
@Injectable()
export class Callers {
  readonly #remembered = new Map<string, Remembered>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly hasher: KeyHasher,
  ) {}

  /**
   * The caller that this key proves, or why it proves nothing: unknown, expired and of a deleted client are one answer.
   * `fresh: false` may answer from this replica's memory, at most 5 s old; only for routes whose own statement checks again.
   *
   * No comparison in here can leak by its timing: what Postgres looks up is a keyed hash, and how far an index comparison of
   * hashes gets tells nothing about the key to somebody who does not have the hash key.
   */
  async find(key: string, fresh: boolean): Promise<Caller | KeyRefusal> {
    if (!mayBeApiKey(key)) return 'malformed_key';
    const hash = this.hasher.lookupHash(key);
    return (fresh ? null : this.recall(hash)) ?? (await this.read(hash)) ?? 'unknown_key';
  }

  private async read(hash: Buffer): Promise<Caller | null> {
    const now = this.clock.now();
    const [row] = await this.database.prompt.rows<KnownKey>({
      name: 'caller_by_key',
      text: `SELECT ${POLICY_COLUMNS}, k.expires_at AS key_expires_at
        FROM client_key k JOIN client c ON c.id = k.client_id
        WHERE k.hash = $1 AND c.deleted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)`,
      values: [hash, now],
    });
    if (row === undefined) return null;
    const caller = toCaller(row, hash);
    this.remember(caller, row.key_expires_at?.getTime() ?? Number.POSITIVE_INFINITY, now.getTime());
    return caller;
  }

  private recall(hash: Buffer): Caller | null {
    const known = this.#remembered.get(hash.toString('latin1'));
    if (known === undefined) return null;
    const now = this.clock.now().getTime();
    return now - known.readAtMs <= MAX_AGE_MS && now < known.keyExpiresAtMs ? known.caller : null;
  }

  private remember(caller: Caller, keyExpiresAtMs: number, readAtMs: number): void {
    const key = caller.keyHash.toString('latin1');
    this.#remembered.delete(key);
    this.#remembered.set(key, { caller, keyExpiresAtMs, readAtMs });
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      break;
    }
  }
}

function toCaller(row: ClientRow, keyHash: Buffer): Caller {
  return Object.freeze({
    clientId: row.id,
    name: row.name,
    role: row.role,
    tenants: row.tenants,
    products: row.products,
    leaseModes: row.lease_modes,
    maxTtlSeconds: row.max_ttl_seconds,
    rateLimitPerSecond: row.rate_limit_per_second,
    keyHash,
  });
}
