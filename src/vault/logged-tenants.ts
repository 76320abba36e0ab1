import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Config } from '../config/config.ts';
import { cacheSize } from '../platform/cache-size.ts';
import { KeyRing } from './keys/key-ring.ts';

/** How a log line names a tenant. Empty: not at all. */
export interface TenantField {
  readonly tenant?: string;
  readonly tenant_hash?: string;
}

const MAX_KNOWN = 10_000;
const HASH_BYTES = 8;

/**
 * Returns 16 hexadecimal digits that stand for a tenant in the log: a hash under the key ring's lookup key, which every
 * replica has and no rotation changes. Without that key, a tenant cannot be found by trying names.
 */
export function hashTenant(ring: Pick<KeyRing, 'blindIndex'>, tenant: string): string {
  return ring.blindIndex(`tenant of a log line ${tenant}`).toString('hex', 0, HASH_BYTES);
}

/** Names tenants in the log, as `LOG_TENANTS` specifies. */
@Injectable()
export class LoggedTenants {
  readonly #known = new LRUCache<string, TenantField>(cacheSize(MAX_KNOWN));

  constructor(
    private readonly config: Config,
    private readonly ring: KeyRing,
  ) {}

  /** Called on each request. */
  fieldOf(tenant: string): TenantField {
    const known = this.#known.get(tenant);
    if (known !== undefined) return known;
    const field = this.describe(tenant);
    this.#known.set(tenant, field);
    return field;
  }

  private describe(tenant: string): TenantField {
    const { logTenants } = this.config;
    if (logTenants === 'off') return {};
    return logTenants === 'plain' ? { tenant } : { tenant_hash: hashTenant(this.ring, tenant) };
  }
}
