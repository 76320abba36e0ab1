import { timingSafeEqual } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { StoredClientRow } from '../auth/client-row.ts';
import type { ClientId } from '../auth/ids.ts';
import { patternsForProduct } from '../auth/policy/allow-policy.ts';
import type { Product } from '../config/config.ts';
import type { CredentialKind } from '../connections/credentials/credential-kind.ts';
import { credentialContext } from '../connections/credentials/seal-contexts.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { Batcher } from '../database/batcher.ts';
import { Database } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import type { StatementDefinition } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { SecretString } from '../platform/secret-string.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { DecryptionError } from '../vault/sealed-secret.ts';
import { Vault } from '../vault/vault.ts';
import {
  type ActiveLeaseRow,
  type LeaseSelection,
  type SealedLeaseRow,
  selectActiveAncestors,
  selectActiveLeases,
  selectionAt,
  selectSealedLeases,
} from './gateway-lease.query.ts';
import type { LeaseId } from './ids.ts';
import { IntegrityAlert } from './integrity-alert.ts';
import { acceptLease, type CoveredLease, LEASE_MAC } from './lease-mac.ts';
import { parseLeaseToken } from './lease-token.ts';
import { LeaseTokenCache } from './lease-token-cache.ts';

/** What a gateway lease grants right now. */
export interface GatewayGrant {
  leaseId: LeaseId;
  clientId: ClientId;
  tenant: string;
  product: Product;
  connectionId: ConnectionId;
  credentialId: CredentialId;
  /** The serving version, so that a refresh takes effect at once. */
  credentialVersion: number;
  kind: CredentialKind;
  appId: string;
  /** The app's version, as just read: for `MetaApps.find`. */
  appVersion: Buffer | null;
  leaseExpiresAt: Date;
  /** Leases that this one ends with, because it was issued within a response to them; empty if issued to the client. */
  ancestorIds: readonly LeaseId[];
  /** The client's current `allow` patterns for this product; null: no restriction. */
  allow: readonly string[] | null;
  /** Addresses the client may call from, as configured now; null: any. */
  ipAllowList: readonly string[] | null;
  accessToken: SecretString;
  /** Stays the same object while the cached token does: a weak key for values derived from both. */
  cacheKey?: object | undefined;
}

/** A verified row with the lease's client. */
type Genuine<R> = Omit<R, 'client'> & { client: StoredClientRow };

/**
 * Verifies lease tokens for the gateway. Reads the lease by primary key on every call, so no replica lags behind; the
 * cache only saves verifying and decrypting what that read shows unchanged. Concurrent calls share one statement.
 */
@Injectable()
export class GatewayLeaseVerifier implements OnApplicationShutdown {
  readonly #activeLeases: Batcher<LeaseId, Genuine<ActiveLeaseRow> | null>;
  readonly #sealedLeases: Batcher<LeaseId, Genuine<SealedLeaseRow> | null>;
  readonly #cache = new LeaseTokenCache<
    Omit<GatewayGrant, 'allow' | 'ipAllowList' | 'accessToken' | 'cacheKey' | 'appVersion'>
  >();

  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly clock: Clock,
    private readonly alert: IntegrityAlert,
    private readonly macs: RowMacs,
  ) {
    this.#activeLeases = this.createBatcher(selectActiveLeases, 2);
    this.#sealedLeases = this.createBatcher(selectSealedLeases, 1);
  }

  /** Returns what the lease grants; null for an unknown token or an ended lease. Throws `DecryptionError`. */
  async grant(token: string): Promise<GatewayGrant | null> {
    const cached = this.#cache.find(token);
    if (cached === null) return this.verify(token);
    // Copy before waiting: evicted entries are zeroed.
    const accessToken = new SecretString(cached.accessToken.toString('utf8'));
    const row = await this.#activeLeases.submit(cached.leaseId);
    if (row?.secret_id === cached.secretId) {
      return { ...cached.grant, ...currentOf(row, cached.grant.product), accessToken, cacheKey: cached };
    }
    this.#cache.forget(cached.leaseId);
    return row === null ? null : this.verify(token);
  }

  /** Returns which of these leases (of long-running calls) are still valid. */
  async filterActive(leaseIds: readonly LeaseId[]): Promise<ReadonlySet<string>> {
    return new Set((await this.readGenuine(selectActiveLeases, leaseIds)).keys());
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

  /** Call only with a `token` verified for this lease. */
  private async open(token: string, leaseId: LeaseId, row: Genuine<SealedLeaseRow>): Promise<GatewayGrant> {
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
      ancestorIds: row.ancestor_ids ?? [],
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
    return { ...grant, ...currentOf(row, row.product), accessToken, cacheKey: cached };
  }

  /** Batches concurrent calls into one statement, and calls of one lease into one row. */
  private createBatcher<R extends ActiveLeaseRow>(select: StatementDefinition<LeaseSelection, R>, maxInFlight: number) {
    return new Batcher<LeaseId, Genuine<R> | null>(
      async (leaseIds) => {
        const found = await this.readGenuine(select, [...new Set(leaseIds)]);
        return leaseIds.map((id) => found.get(id) ?? null);
      },
      { maxSize: 64, maxInFlight, deadline: this.database.failFast.deadline },
    );
  }

  /** Returns the active leases by id, if their own, their clients' and their ancestors' MACs are valid. */
  private async readGenuine<R extends ActiveLeaseRow>(
    select: StatementDefinition<LeaseSelection, R>,
    leaseIds: readonly LeaseId[],
  ): Promise<Map<LeaseId, Genuine<R>>> {
    const rows = await this.database.failFast.rows(select(selectionAt(this.clock.now(), leaseIds)));
    const genuine = rows.flatMap((row) => {
      const client = acceptLease(this.macs, row);
      return client === null ? [] : [{ ...row, client }];
    });
    const standing = await this.filterStanding(genuine);
    return new Map(standing.map((row) => [row.id, row]));
  }

  /** Returns the leases without ancestors, and those whose ancestors all are active, genuine, and expire no sooner. */
  private async filterStanding<R extends CoveredLease>(leases: readonly R[]): Promise<readonly R[]> {
    const ids = [...new Set(leases.flatMap(({ ancestor_ids: ancestorIds }) => ancestorIds ?? []))];
    if (ids.length === 0) return leases;
    const rows = await this.database.failFast.rows(selectActiveAncestors(selectionAt(this.clock.now(), ids)));
    const ends = new Map(rows.filter((row) => this.macs.verify(LEASE_MAC, row)).map((row) => [row.id, row.expires_at]));
    return leases.filter(({ ancestor_ids: ancestorIds, expires_at: end }) =>
      (ancestorIds ?? []).every((id) => {
        const ancestorEnd = ends.get(id);
        return ancestorEnd !== undefined && ancestorEnd >= end;
      }),
    );
  }
}

/** Not cached: the client's restrictions and the app's secret may change between calls. */
function currentOf(
  { client, app_version: appVersion }: Pick<Genuine<ActiveLeaseRow>, 'client' | 'app_version'>,
  product: Product,
): Pick<GatewayGrant, 'allow' | 'ipAllowList' | 'appVersion'> {
  return { allow: patternsForProduct(client.allow, product), ipAllowList: client.ip_allow_list, appVersion };
}
