import { timingSafeEqual } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { QueryResultRow } from 'pg';
import { type AllowPolicy, patternsFor } from '../auth/policy/allow-policy.ts';
import type { Product } from '../config/config.ts';
import type { CredentialKind } from '../connections/credentials/credential-kind.ts';
import { credentialContext } from '../connections/credentials/seal-contexts.ts';
import { Batcher } from '../database/batcher.ts';
import { Database, type Statement } from '../database/database.ts';
import { PROMPT_DEADLINE } from '../database/fail-fast-pool.ts';
import { Clock } from '../platform/clock.ts';
import { SecretString } from '../platform/secret-string.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { SealBroken } from '../vault/sealed-secret.ts';
import { type SealedSecretRow, Vault } from '../vault/vault.ts';
import { SealAlarm } from './integrity-alert.ts';
import { parseLeaseToken } from './lease-token.ts';
import { OpenedLeases } from './lease-token-cache.ts';

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
  memo?: object | undefined;
}

/** What is looked at on every call of a good lease. */
interface LivingRow {
  id: string;
  secret_id: string;
  allow: AllowPolicy | null;
  ip_allow_list: string[] | null;
}

interface WholeRow extends LivingRow, SealedSecretRow {
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
export const STILL_COVERED = `cl.tenants && ARRAY['*', l.tenant] AND cl.products && ARRAY['*', l.product] AND l.mode = ANY (cl.lease_modes)`;
/** A lease is good while its client, connection and credential are: each is looked at on every call, so an ending counts at once. */
const LIVING_LEASES = `FROM lease l
  JOIN client cl ON cl.id = l.client_id AND cl.deleted_at IS NULL AND ${STILL_COVERED}
  JOIN connection c ON c.id = l.connection_id AND c.status = 'active'
  JOIN credential k ON k.id = l.credential_id`;
const GOOD = `l.mode = 'gateway' AND l.ended_at IS NULL AND l.expires_at > $2`;

/** What cannot change under the same secret is left out: it is known. */
const LIVING = {
  name: 'lease_living',
  text: `SELECT l.id, k.secret_id, cl.allow, cl.ip_allow_list ${LIVING_LEASES} WHERE l.id = ANY ($1) AND ${GOOD} AND k.secret_id IS NOT NULL`,
};
const WHOLE = {
  name: 'lease_whole',
  text: `SELECT l.id, k.secret_id, cl.allow, cl.ip_allow_list, l.secret_hash, l.client_id, l.tenant, l.product, l.connection_id, l.credential_id,
      l.expires_at, k.version, k.kind, c.app_id, s.kek_id, s.wrapped_key, s.ciphertext
    ${LIVING_LEASES} JOIN sealed_secret s ON s.id = k.secret_id WHERE l.id = ANY ($1) AND ${GOOD}`,
};
const STILL_GOOD = { name: 'lease_still_good', text: `SELECT l.id ${LIVING_LEASES} WHERE l.id = ANY ($1) AND ${GOOD}` };

/**
 * The gateway's door: every call reads its lease by primary key, so no replica is ever behind; what is remembered spares the work of
 * proving and opening again what this reading says is still the same. Calls that come at the same time share one statement.
 */
@Injectable()
export class LeaseCheck implements OnApplicationShutdown {
  readonly #living = this.batches<LivingRow>(LIVING, 2);
  readonly #whole = this.batches<WholeRow>(WHOLE, 1);
  readonly #opened = new OpenedLeases<Omit<GatewayGrant, 'allow' | 'ipAllowList' | 'accessToken' | 'memo'>>();

  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly alarm: SealAlarm,
  ) {}

  /** What the lease gives; null where the token is none of ours or its lease has ended, for whatever reason. Throws `SealBroken`. */
  async grant(token: string): Promise<GatewayGrant | null> {
    const opened = this.#opened.find(token);
    if (opened === null) return this.prove(token);
    // Before the wait: what goes meanwhile is zeroed.
    const accessToken = new SecretString(opened.accessToken.toString('utf8'));
    const row = await this.#living.submit(opened.leaseId);
    if (row?.secret_id === opened.secretId) {
      return { ...opened.grant, ...limitsOf(row, opened.grant.product), accessToken, memo: opened };
    }
    this.#opened.forget(opened.leaseId);
    return row === null ? null : this.prove(token);
  }

  /** Those of the leases that long calls began with that are good still, by id. */
  async stillGood(leaseIds: readonly string[]): Promise<ReadonlySet<string>> {
    const values = [leaseIds, this.clock.now()];
    const rows = await this.database.prompt.rows<{ id: string }>({ ...STILL_GOOD, values });
    return new Set(rows.map(({ id }) => id));
  }

  onApplicationShutdown(): void {
    this.#opened.close();
  }

  private async prove(token: string): Promise<GatewayGrant | null> {
    const parts = parseLeaseToken(token);
    if (parts === null) return null;
    const row = await this.#whole.submit(parts.leaseId);
    if (row === null) return null;
    if (!timingSafeEqual(row.secret_hash, this.ring.lookupHash(parts.secret))) return null;
    return this.open(token, parts.leaseId, row);
  }

  /** `token` is proven to be the lease's. */
  private async open(token: string, leaseId: string, row: WholeRow): Promise<GatewayGrant> {
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
      if (error instanceof SealBroken) await this.alarm.tell({ ...identity, leaseId, product: row.product }, error);
      throw error;
    });
    const opened = {
      leaseId,
      secretId: row.secret_id,
      leaseToken: Buffer.from(token, 'latin1'),
      accessToken: Buffer.from(accessToken.expose(), 'utf8'),
      grant,
    };
    this.#opened.keep(opened);
    return { ...grant, ...limitsOf(row, row.product), accessToken, memo: opened };
  }

  /** Calls that come at the same time share one statement, and those of one lease its row. */
  private batches<R extends LivingRow>(statement: Pick<Statement, 'name' | 'text'>, maxInFlight: number) {
    return new Batcher<string, R | null>(
      async (leaseIds) => {
        const values = [[...new Set(leaseIds)], this.clock.now()];
        const rows = await this.database.prompt.rows<R & QueryResultRow>({ ...statement, values });
        const found = new Map(rows.map((row) => [row.id, row]));
        return leaseIds.map((id) => found.get(id) ?? null);
      },
      { maxSize: 64, maxInFlight, deadline: PROMPT_DEADLINE },
    );
  }
}

/** What a client is held to can change from one call to the next, so it is never remembered. */
function limitsOf(row: LivingRow, product: Product): Pick<GatewayGrant, 'allow' | 'ipAllowList'> {
  return { allow: patternsFor(row.allow, product), ipAllowList: row.ip_allow_list };
}
