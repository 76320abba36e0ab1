import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import { CLIENT_COLUMNS, type ClientRow } from './client-row.ts';
import { isApiKeyCandidate } from './credentials/api-key.ts';
import { JwtVerifier, type VerifiedIdentity } from './credentials/jwt-verifier.ts';
import { KeyHasher } from './credentials/key-hasher.ts';
import { RejectedCredential } from './credentials/rejected-credential.ts';

interface ClientByKeyRow extends ClientRow {
  key_expires_at: Date | null;
}

interface CachedClient {
  client: AuthenticatedClient;
  endsAtMs: number;
  readAtMs: number;
}

/** How old what is remembered may be. */
export const MAX_CACHE_AGE_MS = 5_000;
const MAX_CACHED_CLIENTS = 1_000;

/** Tells who calls, by the key or the token that is presented. */
@Injectable()
export class ClientResolver {
  readonly #cache = new Map<string, CachedClient>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly hasher: KeyHasher,
    private readonly jwtVerifier: JwtVerifier,
  ) {}

  /**
   * The caller that a credential proves, or why it proves nothing. More than 0 for `maxAgeMs` may answer from this replica's memory;
   * only for routes whose own statement checks again. Throws 503 `identity_unavailable` where a token can't be judged.
   *
   * No comparison in here can leak by its timing: what Postgres looks up is a keyed hash, and how far an index comparison of
   * hashes gets tells nothing about the key to somebody who does not have the hash key.
   */
  async resolve(credential: string, maxAgeMs: number): Promise<AuthenticatedClient | RejectedCredential> {
    const isToken = this.jwtVerifier.isJwtCandidate(credential);
    if (!isToken && !isApiKeyCandidate(credential)) return new RejectedCredential('malformed_key');
    const hash = this.hasher.blindIndex(credential);
    const cached = this.readCache(hash, maxAgeMs);
    if (cached !== null) return cached;
    if (isToken) return this.readByToken(credential, hash);
    // Who asks for a lease is answered within a second or refused; upkeep has patience with a database under load.
    return this.readByKey(hash, maxAgeMs > 0 ? this.database.failFast : this.database);
  }

  private async readByKey(
    hash: Buffer,
    sql: Pick<SqlExecutor, 'rows'>,
  ): Promise<AuthenticatedClient | RejectedCredential> {
    const now = this.clock.now();
    const [row] = await sql.rows<ClientByKeyRow>({
      name: 'client_by_key',
      text: `SELECT ${CLIENT_COLUMNS}, k.expires_at AS key_expires_at
        FROM client_key k JOIN client c ON c.id = k.client_id WHERE k.hash = $1 AND c.deleted_at IS NULL`,
      values: [hash],
    });
    if (row === undefined) return new RejectedCredential('unknown_key');
    if (row.key_expires_at !== null && row.key_expires_at <= now) return new RejectedCredential('expired_key', row.id);
    const client = toAuthenticatedClient(row, hash);
    this.writeCache(hash, {
      client,
      endsAtMs: row.key_expires_at?.getTime() ?? Number.POSITIVE_INFINITY,
      readAtMs: now.getTime(),
    });
    return client;
  }

  private async readByToken(token: string, hash: Buffer): Promise<AuthenticatedClient | RejectedCredential> {
    const verified = await this.jwtVerifier.verify(token);
    if (verified instanceof RejectedCredential) return verified;
    const now = this.clock.now();
    const rows = await this.readIdentity(verified);
    const [row] = rows;
    // A token for several audiences of ours could be two clients: then it is none.
    if (row === undefined || rows.length > 1) {
      const { issuer, subject } = verified;
      return new RejectedCredential('unknown_identity', null, { issuer, subject });
    }
    const client = toAuthenticatedClient(row, null);
    this.writeCache(hash, { client, endsAtMs: verified.expiresAt.getTime(), readAtMs: now.getTime() });
    return client;
  }

  private readIdentity({ issuer, subject, audiences }: VerifiedIdentity): Promise<ClientRow[]> {
    return this.database.failFast.rows<ClientRow>({
      name: 'client_by_identity',
      text: `SELECT ${CLIENT_COLUMNS} FROM client c WHERE c.deleted_at IS NULL AND c.id IN (
        SELECT i.client_id FROM client_identity i WHERE i.issuer = $1 AND i.subject = $2 AND i.audience = ANY ($3)) LIMIT 2`,
      values: [issuer, subject, audiences],
    });
  }

  private readCache(hash: Buffer, maxAgeMs: number): AuthenticatedClient | null {
    const cached = maxAgeMs > 0 ? this.#cache.get(hash.toString('latin1')) : undefined;
    if (cached === undefined) return null;
    const now = this.clock.now().getTime();
    return now - cached.readAtMs <= maxAgeMs && now < cached.endsAtMs ? cached.client : null;
  }

  private writeCache(hash: Buffer, entry: CachedClient): void {
    const key = hash.toString('latin1');
    this.#cache.delete(key);
    this.#cache.set(key, entry);
    if (this.#cache.size <= MAX_CACHED_CLIENTS) return;
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest);
      break;
    }
  }
}

function toAuthenticatedClient(row: ClientRow, keyHash: Buffer | null): AuthenticatedClient {
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
