import { Injectable } from '@nestjs/common';
import { Database, type Sql } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import type { Caller } from './authenticated-client.ts';
import { type ClientRow, POLICY_COLUMNS } from './client-row.ts';
import { mayBeApiKey } from './credentials/api-key.ts';
import { MachineIdentities, type ProvenIdentity } from './credentials/jwt-verifier.ts';
import { KeyHasher } from './credentials/key-hasher.ts';
import { RefusedCredential } from './credentials/rejected-credential.ts';

interface KnownKey extends ClientRow {
  key_expires_at: Date | null;
}

interface Remembered {
  caller: Caller;
  endsAtMs: number;
  readAtMs: number;
}

/** How old what is remembered may be. */
export const MAX_AGE_MS = 5_000;
const MAX_REMEMBERED = 1_000;

/** Tells who calls, by the key or the token that is presented. */
@Injectable()
export class Callers {
  readonly #remembered = new Map<string, Remembered>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly hasher: KeyHasher,
    private readonly identities: MachineIdentities,
  ) {}

  /**
   * The caller that a credential proves, or why it proves nothing. More than 0 for `maxAgeMs` may answer from this replica's memory;
   * only for routes whose own statement checks again. Throws 503 `identity_unavailable` where a token can't be judged.
   *
   * No comparison in here can leak by its timing: what Postgres looks up is a keyed hash, and how far an index comparison of
   * hashes gets tells nothing about the key to somebody who does not have the hash key.
   */
  async find(credential: string, maxAgeMs: number): Promise<Caller | RefusedCredential> {
    const isToken = this.identities.mayBeToken(credential);
    if (!isToken && !mayBeApiKey(credential)) return new RefusedCredential('malformed_key');
    const hash = this.hasher.lookupHash(credential);
    const known = this.recall(hash, maxAgeMs);
    if (known !== null) return known;
    if (isToken) return this.readByToken(credential, hash);
    // Who asks for a lease is answered within a second or refused; upkeep has patience with a database under load.
    return this.readByKey(hash, maxAgeMs > 0 ? this.database.prompt : this.database);
  }

  private async readByKey(hash: Buffer, sql: Pick<Sql, 'rows'>): Promise<Caller | RefusedCredential> {
    const now = this.clock.now();
    const [row] = await sql.rows<KnownKey>({
      name: 'caller_by_key',
      text: `SELECT ${POLICY_COLUMNS}, k.expires_at AS key_expires_at
        FROM client_key k JOIN client c ON c.id = k.client_id WHERE k.hash = $1 AND c.deleted_at IS NULL`,
      values: [hash],
    });
    if (row === undefined) return new RefusedCredential('unknown_key');
    if (row.key_expires_at !== null && row.key_expires_at <= now) return new RefusedCredential('expired_key', row.id);
    const caller = toCaller(row, hash);
    this.remember(hash, {
      caller,
      endsAtMs: row.key_expires_at?.getTime() ?? Number.POSITIVE_INFINITY,
      readAtMs: now.getTime(),
    });
    return caller;
  }

  private async readByToken(token: string, hash: Buffer): Promise<Caller | RefusedCredential> {
    const proven = await this.identities.prove(token);
    if (proven instanceof RefusedCredential) return proven;
    const now = this.clock.now();
    const rows = await this.readIdentity(proven);
    const [row] = rows;
    // A token for several audiences of ours could be two clients: then it is none.
    if (row === undefined || rows.length > 1) {
      const { issuer, subject } = proven;
      return new RefusedCredential('unknown_identity', null, { issuer, subject });
    }
    const caller = toCaller(row, null);
    this.remember(hash, { caller, endsAtMs: proven.expiresAt.getTime(), readAtMs: now.getTime() });
    return caller;
  }

  private readIdentity({ issuer, subject, audiences }: ProvenIdentity): Promise<ClientRow[]> {
    return this.database.prompt.rows<ClientRow>({
      name: 'caller_by_identity',
      text: `SELECT ${POLICY_COLUMNS} FROM client c WHERE c.deleted_at IS NULL AND c.id IN (
        SELECT i.client_id FROM client_identity i WHERE i.issuer = $1 AND i.subject = $2 AND i.audience = ANY ($3)) LIMIT 2`,
      values: [issuer, subject, audiences],
    });
  }

  private recall(hash: Buffer, maxAgeMs: number): Caller | null {
    const known = maxAgeMs > 0 ? this.#remembered.get(hash.toString('latin1')) : undefined;
    if (known === undefined) return null;
    const now = this.clock.now().getTime();
    return now - known.readAtMs <= maxAgeMs && now < known.endsAtMs ? known.caller : null;
  }

  private remember(hash: Buffer, remembered: Remembered): void {
    const key = hash.toString('latin1');
    this.#remembered.delete(key);
    this.#remembered.set(key, remembered);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      break;
    }
  }
}

function toCaller(row: ClientRow, keyHash: Buffer | null): Caller {
  return Object.freeze({
    clientId: row.id,
    name: row.name,
    role: row.role,
    tenants: row.tenants,
    products: row.products,
    leaseModes: row.lease_modes,
    maxTtlSeconds: row.max_ttl_seconds,
    rateLimitPerSecond: row.rate_limit_per_second,
    ipAllowList: row.ip_allow_list,
    policyVersion: row.policy_version,
    keyHash,
  });
}
