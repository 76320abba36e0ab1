import { timingSafeEqual } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { QueryResultRow } from 'pg';
import { type AllowPolicy, patternsForProduct } from '../auth/policy/allow-policy.ts';
import type { Product } from '../config/config.ts';
import type { CredentialKind } from '../connections/credentials/credential-kind.ts';
import { credentialContext } from '../connections/credentials/seal-contexts.ts';
import { Batcher } from '../database/batcher.ts';
import { Database } from '../database/database.ts';
import { FAIL_FAST_DEADLINE } from '../database/fail-fast-pool.ts';
import type { Statement } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { SecretString } from '../platform/secret-string.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { DecryptionError } from '../vault/sealed-secret.ts';
import { type SealedSecretRow, Vault } from '../vault/vault.ts';
import { IntegrityAlert } from './integrity-alert.ts';
import { parseLeaseToken } from './lease-token.ts';
import { LeaseTokenCache } from './lease-token-cache.ts';

/** What a gateway lease gives at this moment. */
export interface GatewayGrant {
  leaseId: string;
  clientId: string;
  tenant: string;
  product: Product;
  connectionId: string;
  credentialId: string;
  /** The version that serves now; a renewal since the lease was issued is taken up at once. */
  credentialVersion: number;
  kind: CredentialKind;
  appId: string;
  leaseExpiresAt: Date;
  /** The patterns that its client is held to, for this product; null: none. As they are at this moment. */
  allow: readonly string[] | null;
  /** Where its client may call from; null: everywhere. As it is at this moment. */
  ipAllowList: readonly string[] | null;
  accessToken: SecretString;
  /** The same object for as long as this lease on this token is remembered: what is derived from both can be kept by it, weakly. */
  cacheKey?: object | undefined;
}

/** What is looked at on every call of a good lease. */
interface ActiveLeaseRow {
  id: string;
  secret_id: string;
  allow: AllowPolicy | null;
  ip_allow_list: string[] | null;
}

interface SealedLeaseRow extends ActiveLeaseRow, SealedSecretRow {
  secret_hash: Buffer;
  client_id: string;
  tenant: string;
  product: Product;
  connection_id: string;
  credential_id: string;
  version: number;
  kind: CredentialKind;
  app_id: string;
  expires_at: Date;
}

/** Whether the policy of a lease's client still covers it. */
export const POLICY_COVERS_LEASE = `cl.tenants && ARRAY['*', l.tenant] AND cl.products && ARRAY['*', l.product] AND l.mode = ANY (cl.lease_modes)`;
/** A lease is good while its client, connection and credential are: each is looked at on every call, so an ending counts at once. */
const ACTIVE_LEASE_JOINS = `FROM lease l
  JOIN client cl ON cl.id = l.client_id AND cl.deleted_at IS NULL AND ${POLICY_COVERS_LEASE}
  JOIN connection c ON c.id = l.connection_id AND c.status = 'active'
  JOIN credential k ON k.id = l.credential_id`;
const IS_GATEWAY_LEASE_ACTIVE = `l.mode = 'gateway' AND l.ended_at IS NULL AND l.expires_at > $2`;

/** What cannot change under the same secret is left out: it is known. */
const ACTIVE_LEASE = {
  name: 'lease_active',
  text: `SELECT l.id, k.secret_id, cl.allow, cl.ip_allow_list ${ACTIVE_LEASE_JOINS} WHERE l.id = ANY ($1) AND ${IS_GATEWAY_LEASE_ACTIVE} AND k.secret_id IS NOT NULL`,
};
const SEALED_LEASE = {
  name: 'lease_sealed',
  text: `SELECT l.id, k.secret_id, cl.allow, cl.ip_allow_list, l.secret_hash, l.client_id, l.tenant, l.product, l.connection_id, l.credential_id,
      l.expires_at, k.version, k.kind, c.app_id, s.kek_id, s.wrapped_key, s.ciphertext
    ${ACTIVE_LEASE_JOINS} JOIN sealed_secret s ON s.id = k.secret_id WHERE l.id = ANY ($1) AND ${IS_GATEWAY_LEASE_ACTIVE}`,
};
const ACTIVE_LEASE_IDS = {
  name: 'lease_active_ids',
  text: `SELECT l.id ${ACTIVE_LEASE_JOINS} WHERE l.id = ANY ($1) AND ${IS_GATEWAY_LEASE_ACTIVE}`,
};

/**
 * The gateway's door: every call reads its lease by primary key, so no replica is ever behind; what is remembered spares the work of
 * proving and opening again what this reading says is still the same. Calls that come at the same time share one statement.
 */
@Injectable()
export class GatewayLeaseVerifier implements OnApplicationShutdown {
  readonly #activeLeases = this.createBatcher<ActiveLeaseRow>(ACTIVE_LEASE, 2);
  readonly #sealedLeases = this.createBatcher<SealedLeaseRow>(SEALED_LEASE, 1);
  readonly #cache = new LeaseTokenCache<Omit<GatewayGrant, 'allow' | 'ipAllowList' | 'accessToken' | 'cacheKey'>>();

  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly alert: IntegrityAlert,
  ) {}

  /** What the lease gives; null where the token is none of ours or its lease has ended, for whatever reason. Throws `DecryptionError`. */
  async grant(token: string): Promise<GatewayGrant | null> {
    const cached = this.#cache.find(token);
    if (cached === null) return this.verify(token);
    // Before the wait: what goes meanwhile is zeroed.
    const accessToken = new SecretString(cached.accessToken.toString('utf8'));
    const row = await this.#activeLeases.submit(cached.leaseId);
    if (row?.secret_id === cached.secretId) {
      return { ...cached.grant, ...policyLimitsOf(row, cached.grant.product), accessToken, cacheKey: cached };
    }
    this.#cache.forget(cached.leaseId);
    return row === null ? null : this.verify(token);
  }

  /** Those of the leases that long calls began with that are good still, by id. */
  async filterActive(leaseIds: readonly string[]): Promise<ReadonlySet<string>> {
    const values = [leaseIds, this.clock.now()];
    const rows = await this.database.failFast.rows<{ id: string }>({ ...ACTIVE_LEASE_IDS, values });
    return new Set(rows.map(({ id }) => id));
  }

  onApplicationShutdown(): void {
    this.#cache.close();
  }

  private async verify(token: string): Promise<GatewayGrant | null> {
    const parts = parseLeaseToken(token);
    if (parts === null) return null;
    const row = await this.#sealedLeases.submit(parts.leaseId);
    if (row === null) return null;
    if (!timingSafeEqual(row.secret_hash, this.ring.blindIndex(parts.secret))) return null;
    return this.open(token, parts.leaseId, row);
  }

  /** `token` is proven to be the lease's. */
  private async open(token: string, leaseId: string, row: SealedLeaseRow): Promise<GatewayGrant> {
    const identity = {
      tenant: row.tenant,
      connectionId: row.connection_id,
      credentialId: row.credential_id,
      kind: row.kind,
    };
    const grant = {
      ...identity,
      leaseId,
      clientId: row.client_id,
      product: row.product,
      credentialVersion: row.version,
      appId: row.app_id,
      leaseExpiresAt: row.expires_at,
    };
    const context = credentialContext({ ...identity, version: row.version });
    const accessToken = await this.vault.open(row, context).catch(async (error: unknown) => {
      if (error instanceof DecryptionError)
        await this.alert.raise({ ...identity, leaseId, product: row.product }, error);
      throw error;
    });
    const cached = {
      leaseId,
      secretId: row.secret_id,
      leaseToken: Buffer.from(token, 'latin1'),
      accessToken: Buffer.from(accessToken.expose(), 'utf8'),
      grant,
    };
    this.#cache.keep(cached);
    return { ...grant, ...policyLimitsOf(row, row.product), accessToken, cacheKey: cached };
  }

  /** Calls that come at the same time share one statement, and those of one lease its row. */
  private createBatcher<R extends ActiveLeaseRow>(statement: Pick<Statement, 'name' | 'text'>, maxInFlight: number) {
    return new Batcher<string, R | null>(
      async (leaseIds) => {
        const values = [[...new Set(leaseIds)], this.clock.now()];
        const rows = await this.database.failFast.rows<R & QueryResultRow>({ ...statement, values });
        const found = new Map(rows.map((row) => [row.id, row]));
        return leaseIds.map((id) => found.get(id) ?? null);
      },
      { maxSize: 64, maxInFlight, deadline: FAIL_FAST_DEADLINE },
    );
  }
}

/** What a client is held to can change from one call to the next, so it is never remembered. */
function policyLimitsOf(row: ActiveLeaseRow, product: Product): Pick<GatewayGrant, 'allow' | 'ipAllowList'> {
  return { allow: patternsForProduct(row.allow, product), ipAllowList: row.ip_allow_list };
}
