import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { cacheSize } from '../platform/cache-size.ts';
import { Clock } from '../platform/clock.ts';
import type { ResolvedClient } from './authenticated-client.ts';
import { findClientByKey, findClientsByIdentity } from './client-lookup.query.ts';
import type { ClientRow } from './client-row.ts';
import { isApiKeyCandidate } from './credentials/api-key.ts';
import { JwtVerifier } from './credentials/jwt-verifier.ts';
import { KeyHasher } from './credentials/key-hasher.ts';
import { RejectedCredential } from './credentials/rejected-credential.ts';

interface CachedClient {
  client: ResolvedClient;
  endsAtMs: number;
  readAtMs: number;
}

/** Maximum age of a cached result. */
export const MAX_CACHE_AGE_MS = 5_000;
const MAX_CACHED_CLIENTS = 1_000;

/** Resolves a key or token to its client. */
@Injectable()
export class ClientResolver {
  readonly #cache = new LRUCache<string, CachedClient>(cacheSize(MAX_CACHED_CLIENTS));

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly hasher: KeyHasher,
    private readonly jwtVerifier: JwtVerifier,
    private readonly macs: RowMacs,
  ) {}

  /**
   * Returns the client, or why the credential is rejected. `maxAgeMs` above 0 allows a cached result and is only for
   * routes whose own statement checks again. Throws 503 `identity_unavailable` if a token can't be verified.
   * Timing reveals nothing about a key: Postgres compares keyed hashes.
   */
  async resolve(credential: string, maxAgeMs: number): Promise<ResolvedClient | RejectedCredential> {
    const isToken = this.jwtVerifier.isJwtCandidate(credential);
    if (!isToken && !isApiKeyCandidate(credential)) return new RejectedCredential('malformed_key');
    const hash = this.hasher.blindIndex(credential);
    const cached = this.readCache(hash, maxAgeMs);
    if (cached !== null) return cached;
    if (isToken) return this.readByToken(credential, hash);
    // Requests that allow a cache are leases, which must fail fast. Others may wait for a busy database.
    return this.readByKey(hash, maxAgeMs > 0 ? this.database.failFast : this.database);
  }

  private async readByKey(
    hash: Buffer,
    executor: Pick<SqlExecutor, 'rows'>,
  ): Promise<ResolvedClient | RejectedCredential> {
    const now = this.clock.now();
    const row = await findClientByKey(executor, this.macs, hash);
    if (row === null) return new RejectedCredential('unknown_key');
    if (row.key_expires_at !== null && row.key_expires_at <= now) return new RejectedCredential('expired_key', row.id);
    const client = toAuthenticatedClient(row, hash);
    this.writeCache(hash, {
      client,
      endsAtMs: row.key_expires_at?.getTime() ?? Number.POSITIVE_INFINITY,
      readAtMs: now.getTime(),
    });
    return client;
  }

  private async readByToken(token: string, hash: Buffer): Promise<ResolvedClient | RejectedCredential> {
    const verified = await this.jwtVerifier.verify(token);
    if (verified instanceof RejectedCredential) return verified;
    const now = this.clock.now();
    const rows = await findClientsByIdentity(this.database.failFast, this.macs, verified);
    const [row] = rows;
    // Several matches are ambiguous: a token can name several of our audiences.
    if (row === undefined || rows.length > 1) {
      const { issuer, subject } = verified;
      return new RejectedCredential('unknown_identity', null, { issuer, subject });
    }
    const client = toAuthenticatedClient(row, null);
    this.writeCache(hash, { client, endsAtMs: verified.expiresAt.getTime(), readAtMs: now.getTime() });
    return client;
  }

  private readCache(hash: Buffer, maxAgeMs: number): ResolvedClient | null {
    const cached = maxAgeMs > 0 ? this.#cache.get(hash.toString('latin1')) : undefined;
    if (cached === undefined) return null;
    const now = this.clock.now().getTime();
    return now - cached.readAtMs <= maxAgeMs && now < cached.endsAtMs ? cached.client : null;
  }

  private writeCache(hash: Buffer, entry: CachedClient): void {
    this.#cache.set(hash.toString('latin1'), entry);
  }
}

/** `keyHash`: of the key used, null without one. */
export function toAuthenticatedClient(row: ClientRow, keyHash: Buffer | null): ResolvedClient {
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
