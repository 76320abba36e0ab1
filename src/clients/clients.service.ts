import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog } from '../audit/audit-log.ts';
import type { LeaseMode, Role } from '../auth/authenticated-client.ts';
import {
  CLIENT_DETAILS_COLUMNS,
  type ClientDetailsRow,
  type ClientIdentity,
  type ClientKeyRow,
  type ClientRow,
} from '../auth/client-row.ts';
import { generateApiKey } from '../auth/credentials/api-key.ts';
import { KeyHasher } from '../auth/credentials/key-hasher.ts';
import type { AllowPolicy } from '../auth/policy/allow-policy.ts';
import type { Product } from '../config/config.ts';
import { Database, type Transaction } from '../database/database.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { Ids, isId } from '../platform/ids.ts';
import { AppError, invalidInputError } from '../platform/problem.ts';
import { Random } from '../platform/random.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { deleteIdentities, replaceIdentities } from './client-identity.repository.ts';
import { clientNotFound, lastAdmin, requireEnforceable } from './client-rules.ts';

export const DEFAULT_MAX_TTL_SECONDS = 3600;
/** One deletion of an admin at a time, so that two can't each leave the other as the last one. */
const ADMIN_LOCK = 727_004;

export interface NewClient {
  name: string;
  role: Role;
  /** `['*']` is all. */
  tenants: readonly string[];
  products: readonly (Product | '*')[];
  /** Default `['gateway']`. */
  leaseModes?: readonly LeaseMode[];
  /** 1 to 3600, default 3600. */
  maxTtlSeconds?: number;
  /** Default null: no limit. */
  rateLimitPerSecond?: number | null;
  /** Default null: every call. */
  allow?: AllowPolicy | null;
  /** Default null: from everywhere. */
  ipAllowList?: readonly string[] | null;
  /** Default none. */
  identities?: readonly ClientIdentity[];
  /** Of its first key. */
  keyExpiry?: KeyExpiry;
}

/** When a key ends. Null: when it is replaced. */
export type KeyExpiry = { seconds: number } | { at: Date } | null;

export interface IssuedKey {
  /** To be shown once: only its hash is kept. */
  apiKey: SecretString;
  expiresAt: Date | null;
  /** From then on no older key of this client works. */
  previousKeysExpireAt: Date;
}

/** The clients and their keys. Every change is committed together with its audit entry. */
@Injectable()
export class ClientsService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
    private readonly hasher: KeyHasher,
    private readonly audit: AuditLog,
  ) {}

  /** Makes a client with its first key. The input is taken as valid (`CreateClientRequest` checks what comes from outside). */
  async create(
    actor: Actor,
    input: NewClient,
    requestId: string | null = null,
  ): Promise<{ client: ClientDetailsRow; apiKey: SecretString; keyExpiresAt: Date | null }> {
    const leaseModes = input.leaseModes ?? ['gateway'];
    requireEnforceable(leaseModes, input.allow ?? null);
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
    await this.database.transaction(async (tx) => {
      await insertClient(tx, client);
      await replaceIdentities(tx, client.id, client.identities);
      await this.insertKey(tx, client.id, apiKey, keyExpiresAt);
      const { id: subjectId, created_at: _, last_used_at: __, policy_version: ___, ...policy } = client;
      const details = { ...policy, key_expires_at: keyExpiresAt };
      await this.audit.record(tx, { action: 'client.created', actor, subjectId, requestId, details });
    });
    return { client, apiKey, keyExpiresAt };
  }

  /** A living client. Throws 404 `client_not_found`. */
  async get(id: string): Promise<ClientDetailsRow> {
    const [row] = await this.database.rows<ClientDetailsRow>({
      text: `SELECT ${CLIENT_DETAILS_COLUMNS} FROM client c WHERE c.id = $1 AND c.deleted_at IS NULL`,
      values: [id],
    });
    if (row === undefined) throw new AppError(clientNotFound);
    return row;
  }

  /** The keys of clients that still work, by client, the oldest first. Never the keys themselves: they are not kept. */
  async listKeys(ids: readonly string[]): Promise<Map<string, ClientKeyRow[]>> {
    const rows = await this.database.rows<ClientKeyRow & { client_id: string }>({
      text: `SELECT client_id, created_at, expires_at, last_used_at FROM client_key
        WHERE client_id = ANY ($1) AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at, hash`,
      values: [ids, this.clock.now()],
    });
    const keys = new Map<string, ClientKeyRow[]>(ids.map((id) => [id, []]));
    for (const row of rows) keys.get(row.client_id)?.push(row);
    return keys;
  }

  /** Living clients by id, that is the oldest first: up to `limit` + 1 rows after the client `after`, as `toPage` wants them. */
  list(limit: number, after: string | null): Promise<ClientDetailsRow[]> {
    return this.database.rows<ClientDetailsRow>({
      text: `SELECT ${CLIENT_DETAILS_COLUMNS} FROM client c
        WHERE c.deleted_at IS NULL AND ($1::text IS NULL OR c.id > $1) ORDER BY c.id LIMIT $2`,
      values: [after, limit + 1],
    });
  }

  /**
   * Deletes a client and its keys; one that is deleted already stays so. Its leases end with it, because whoever honours a
   * lease looks whether its client lives. Throws 404 `client_not_found` for an id that never was, 409 `last_admin`.
   */
  async delete(actor: Actor, id: string, requestId: string | null = null): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.run({ text: 'SELECT pg_advisory_xact_lock($1)', values: [ADMIN_LOCK] });
      const client = await lockClient(tx, id);
      if (client === null) throw new AppError(clientNotFound);
      if (client.deleted_at !== null) return;
      if (client.role === 'admin') await this.requireAnotherAdmin(tx, id);
      await tx.run({ text: 'UPDATE client SET deleted_at = $2 WHERE id = $1', values: [id, this.clock.now()] });
      await tx.run({ text: 'DELETE FROM client_key WHERE client_id = $1', values: [id] });
      await deleteIdentities(tx, id);
      const details = { name: client.name, role: client.role, leases: 'ended' };
      await this.audit.record(tx, { action: 'client.deleted', actor, subjectId: id, requestId, details });
    });
  }

  /**
   * Gives a client a new key. The older ones work for `graceSeconds` more, or for what a former change left them, if that is
   * less. Throws 404 `client_not_found`, 400 `invalid_request` for an end that is past.
   */
  async issueKey(
    actor: Actor,
    id: string,
    graceSeconds: number,
    requestId: string | null = null,
    expiry: KeyExpiry = null,
  ): Promise<IssuedKey> {
    const apiKey = generateApiKey(this.random);
    const now = this.clock.now();
    const expiresAt = this.toExpiresAt(expiry);
    const previousKeysExpireAt = addSeconds(now, graceSeconds);
    await this.database.transaction(async (tx) => {
      // The row lock puts changes of one client's keys in order: each of them sees the key that the one before it made.
      const client = await lockClient(tx, id);
      if (client === null || client.deleted_at !== null) throw new AppError(clientNotFound);
      await tx.run({ text: 'DELETE FROM client_key WHERE client_id = $1 AND expires_at <= $2', values: [id, now] });
      await tx.run({
        text: `UPDATE client_key SET expires_at = $2 WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)`,
        values: [id, previousKeysExpireAt],
      });
      await this.insertKey(tx, id, apiKey, expiresAt);
      const details = { grace_seconds: graceSeconds, expires_at: expiresAt };
      await this.audit.record(tx, { action: 'client.key_issued', actor, subjectId: id, requestId, details });
    });
    return { apiKey, expiresAt, previousKeysExpireAt };
  }

  private insertKey(tx: Transaction, clientId: string, apiKey: SecretString, expiresAt: Date | null): Promise<number> {
    return tx.run({
      text: 'INSERT INTO client_key (hash, client_id, created_at, expires_at) VALUES ($1, $2, $3, $4)',
      values: [this.hasher.blindIndex(apiKey.expose()), clientId, this.clock.now(), expiresAt],
    });
  }

  private toExpiresAt(expiry: KeyExpiry): Date | null {
    if (expiry === null) return null;
    const now = this.clock.now();
    const end = 'at' in expiry ? expiry.at : addSeconds(now, expiry.seconds);
    if (end <= now) throw invalidInputError('expires_at', 'must lie in the future');
    return end;
  }

  private async requireAnotherAdmin(tx: Transaction, id: string): Promise<void> {
    const others = await tx.rows({
      text: `SELECT 1 FROM client c JOIN client_key k ON k.client_id = c.id
        WHERE c.role = 'admin' AND c.deleted_at IS NULL AND c.id <> $1 AND (k.expires_at IS NULL OR k.expires_at > $2) LIMIT 1`,
      values: [id, this.clock.now()],
    });
    if (others.length === 0) throw new AppError(lastAdmin);
  }
}

/** Inserts a client; one with this id that is there already (the bootstrap admin only) is left as it is. How many were inserted. */
export function insertClient(tx: Transaction, client: Omit<ClientRow, 'policy_version'>): Promise<number> {
  return tx.run({
    text: `INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, rate_limit_per_second, allow,
        ip_allow_list, created_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11) ON CONFLICT (id) DO NOTHING`,
    values: [
      client.id,
      client.name,
      client.role,
      client.tenants,
      client.products,
      client.lease_modes,
      client.max_ttl_seconds,
      client.rate_limit_per_second,
      client.allow === null ? null : JSON.stringify(client.allow),
      client.ip_allow_list,
      client.created_at,
    ],
  });
}

type LockedClient = Pick<ClientRow, 'name' | 'role'> & { deleted_at: Date | null };

async function lockClient(tx: Transaction, id: string): Promise<LockedClient | null> {
  if (!isId(id, 'cli')) return null;
  const text = 'SELECT name, role, deleted_at FROM client WHERE id = $1 FOR UPDATE';
  const [row] = await tx.rows<LockedClient>({ text, values: [id] });
  return row ?? null;
}
