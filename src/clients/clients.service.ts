import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.ts';
import { AuditLog } from '../audit/audit-log.ts';
import type { LeaseMode, Role } from '../auth/authenticated-client.ts';
import {
  findClient,
  insertClient,
  listClients,
  lockClient,
  lockDeletions,
  setClientDeleted,
} from '../auth/client.repository.ts';
import { deleteIdentities, replaceIdentities } from '../auth/client-identity.repository.ts';
import type { ClientIdentity } from '../auth/client-identity.ts';
import {
  deleteClientKeys,
  deleteExpiredKeys,
  expireKeys,
  insertClientKey,
  listValidKeys,
} from '../auth/client-key.repository.ts';
import { hasOtherAdmin } from '../auth/client-lookup.query.ts';
import { CLIENT_MAC } from '../auth/client-macs.ts';
import type { ClientDetailsRow, ClientKeyRow, StoredClientRow } from '../auth/client-row.ts';
import { generateApiKey } from '../auth/credentials/api-key.ts';
import { KeyHasher } from '../auth/credentials/key-hasher.ts';
import type { ClientId } from '../auth/ids.ts';
import type { AllowPolicy } from '../auth/policy/allow-policy.ts';
import type { Product } from '../config/config.ts';
import { Database, type RunInTransaction, type Transaction } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { AppError, invalidInputError } from '../platform/problem.ts';
import { Random } from '../platform/random.ts';
import type { SecretString } from '../platform/secret-string.ts';
import {
  clientNotFound,
  identityTaken,
  lastAdmin,
  requireEnforceable,
  requireNamedTenants,
  toClientId,
} from './client-rules.ts';

export const DEFAULT_MAX_TTL_SECONDS = 3600;

export interface NewClient {
  name: string;
  role: Role;
  /** `['*']` means all. */
  tenants: readonly string[];
  products: readonly (Product | '*')[];
  /** Default `['gateway']`. */
  leaseModes?: readonly LeaseMode[];
  /** 1 to 3600, default 3600. */
  maxTtlSeconds?: number;
  /** Default null: no limit. */
  rateLimitPerSecond?: number | null;
  /** Default null: every call the gateway supports. */
  allow?: AllowPolicy | null;
  /** Default null: any address. */
  ipAllowList?: readonly string[] | null;
  /** Default none. */
  identities?: readonly ClientIdentity[];
  /** Expiry of its first key. */
  keyExpiry?: KeyExpiry;
}

/** When a key expires. Null: when it is replaced. */
export type KeyExpiry = { seconds: number } | { at: Date } | null;

export interface CreatedClient {
  client: ClientDetailsRow;
  apiKey: SecretString;
  keyExpiresAt: Date | null;
}

export interface IssuedKey {
  clientId: ClientId;
  /** Shown only once: the database stores its hash. */
  apiKey: SecretString;
  expiresAt: Date | null;
  /** When all older keys of the client stop working. */
  previousKeysExpireAt: Date;
}

/** Manages clients and their keys. Every change commits together with its audit entry. */
@Injectable()
export class ClientsService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
    private readonly hasher: KeyHasher,
    private readonly audit: AuditLog,
    private readonly macs: RowMacs,
  ) {}

  /** Creates a client with its first key. The caller has validated the input (`CreateClientRequest`). */
  async create(
    actor: Actor,
    input: NewClient,
    requestId: string | null = null,
    transact: RunInTransaction<CreatedClient> = (work) => this.database.transaction(work),
  ): Promise<CreatedClient> {
    const leaseModes = input.leaseModes ?? ['gateway'];
    requireEnforceable(leaseModes, input.allow ?? null);
    requireNamedTenants(input.role, input.tenants);
    const apiKey = generateApiKey(this.random);
    const keyExpiresAt = this.toExpiresAt(input.keyExpiry ?? null);
    const client: ClientDetailsRow = {
      id: this.ids.next('cli'),
      name: input.name,
      role: input.role,
      tenants: [...input.tenants],
      products: [...input.products],
      lease_modes: [...leaseModes],
      max_ttl_seconds: input.maxTtlSeconds ?? DEFAULT_MAX_TTL_SECONDS,
      rate_limit_per_second: input.rateLimitPerSecond ?? null,
      allow: input.allow ?? null,
      ip_allow_list: input.ipAllowList === undefined || input.ipAllowList === null ? null : [...input.ipAllowList],
      identities: [...(input.identities ?? [])],
      policy_version: 1,
      created_at: this.clock.now(),
      last_used_at: null,
    };
    return transact(async (tx) => {
      await insertClient(tx, this.macs, client);
      if (!(await replaceIdentities(tx, this.macs, client.id, client.identities))) throw new AppError(identityTaken);
      await this.insertKey(tx, client.id, apiKey, keyExpiresAt);
      const { id: subjectId, created_at: _, last_used_at: __, policy_version: ___, ...policy } = client;
      const details = { ...policy, key_expires_at: keyExpiresAt };
      await this.audit.record(tx, { action: 'client.created', actor, subjectId, requestId, details });
      return { client, apiKey, keyExpiresAt };
    });
  }

  /** Returns a client that is not deleted. Throws 404 `client_not_found`. */
  async get(id: string): Promise<ClientDetailsRow> {
    const row = await findClient(this.database, this.macs, toClientId(id));
    if (row === null) throw new AppError(clientNotFound);
    return row;
  }

  /** Returns the valid keys (never the secrets, which are not stored) by client, oldest first. */
  async listKeys(ids: readonly ClientId[]): Promise<Map<string, ClientKeyRow[]>> {
    const rows = await listValidKeys(this.database, this.macs, ids, this.clock.now());
    const keys = new Map<string, ClientKeyRow[]>(ids.map((id) => [id, []]));
    for (const row of rows) keys.get(row.client_id)?.push(row);
    return keys;
  }

  /**
   * Returns up to `limit` + 1 clients that are not deleted, oldest first, after the id `after`, as `toPage` expects.
   */
  list(limit: number, after: string | null): Promise<ClientDetailsRow[]> {
    return listClients(this.database, this.macs, limit + 1, after);
  }

  /**
   * Deletes a client and its keys, even if its MAC doesn't verify. Its leases end too, because each use checks the
   * client. Does nothing if it is already deleted. Throws 404 `client_not_found` for an unknown id, 409 `last_admin`.
   */
  async delete(actor: Actor, given: string, requestId: string | null = null): Promise<void> {
    const id = toClientId(given);
    await this.database.transaction(async (tx) => {
      await lockDeletions(tx);
      const client = await lockClient(tx, id);
      if (client === null) throw new AppError(clientNotFound);
      if (client.deleted_at !== null) return;
      if (await this.isLastAdmin(tx, client)) throw new AppError(lastAdmin);
      await setClientDeleted(tx, this.macs, client, this.clock.now());
      await deleteClientKeys(tx, id);
      await deleteIdentities(tx, id);
      const details = { name: client.name, role: client.role, leases: 'ended' };
      await this.audit.record(tx, { action: 'client.deleted', actor, subjectId: id, requestId, details });
    });
  }

  /**
   * Creates a new key for a client. Older keys keep working for `graceSeconds`, unless they expire sooner. Throws 404
   * `client_not_found`, 400 `invalid_request` for an expiry in the past.
   */
  async issueKey(
    actor: Actor,
    given: string,
    graceSeconds: number,
    requestId: string | null = null,
    expiry: KeyExpiry = null,
    transact: RunInTransaction<IssuedKey> = (work) => this.database.transaction(work),
  ): Promise<IssuedKey> {
    const id = toClientId(given);
    const apiKey = generateApiKey(this.random);
    const now = this.clock.now();
    const expiresAt = this.toExpiresAt(expiry);
    const previousKeysExpireAt = addSeconds(now, graceSeconds);
    return transact(async (tx) => {
      // The row lock serializes key changes of a client, so each sees the keys of the one before.
      const client = await lockClient(tx, id);
      if (client === null || client.deleted_at !== null || !this.macs.verify(CLIENT_MAC, client))
        throw new AppError(clientNotFound);
      await deleteExpiredKeys(tx, id, now);
      await expireKeys(tx, this.macs, id, previousKeysExpireAt);
      await this.insertKey(tx, id, apiKey, expiresAt);
      const details = { grace_seconds: graceSeconds, expires_at: expiresAt };
      await this.audit.record(tx, { action: 'client.key_issued', actor, subjectId: id, requestId, details });
      return { clientId: id, apiKey, expiresAt, previousKeysExpireAt };
    });
  }

  private insertKey(tx: Transaction, clientId: ClientId, apiKey: SecretString, expiresAt: Date | null): Promise<void> {
    const hash = this.hasher.blindIndex(apiKey.expose());
    return insertClientKey(tx, this.macs, { hash, clientId, createdAt: this.clock.now(), expiresAt });
  }

  /** Whether no valid admin would be left without the client, which the caller has locked. */
  private async isLastAdmin(tx: Transaction, client: StoredClientRow): Promise<boolean> {
    if (client.role !== 'admin' || !this.macs.fits(CLIENT_MAC, client)) return false;
    return !(await hasOtherAdmin(tx, this.macs, client.id, this.clock.now()));
  }

  private toExpiresAt(expiry: KeyExpiry): Date | null {
    if (expiry === null) return null;
    const now = this.clock.now();
    const end = 'at' in expiry ? expiry.at : addSeconds(now, expiry.seconds);
    if (end <= now) throw invalidInputError('expires_at', 'must be in the future');
    return end;
  }
}
