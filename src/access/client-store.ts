import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog } from '../audit/audit-log.ts';
import type { Product } from '../config/config.ts';
import { Database, type Transaction } from '../database/database.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { Ids, isId } from '../platform/ids.ts';
import { AppError, defineProblem } from '../platform/problem.ts';
import { Random } from '../platform/random.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { newApiKey } from './api-key.ts';
import type { LeaseMode, Role } from './caller.ts';
import { type ClientKeyRow, type ClientRow, POLICY_COLUMNS } from './client-row.ts';
import { KeyHasher } from './key-hasher.ts';

export const clientNotFound = defineProblem(
  'client_not_found',
  404,
  'There is no client with this id.',
  'Check the id; GET /v1/clients lists those that exist.',
);
export const lastAdmin = defineProblem(
  'last_admin',
  409,
  'This is the last admin with a working key.',
  'Create another admin first; nobody could manage clients otherwise.',
);

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
}

export interface IssuedKey {
  /** To be shown once: only its hash is kept. */
  apiKey: SecretString;
  /** From then on no older key of this client works. */
  previousKeysExpireAt: Date;
}

/** The clients and their keys. Every change is committed together with its audit entry. */
@Injectable()
export class ClientStore {
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
  ): Promise<{ client: ClientRow; apiKey: SecretString }> {
    const apiKey = newApiKey(this.random);
    const client: ClientRow = {
      id: this.ids.next('cli'),
      name: input.name,
      role: input.role,
      tenants: [...input.tenants],
      products: [...input.products],
      lease_modes: [...(input.leaseModes ?? ['gateway'])],
      max_ttl_seconds: input.maxTtlSeconds ?? DEFAULT_MAX_TTL_SECONDS,
      rate_limit_per_second: input.rateLimitPerSecond ?? null,
      created_at: this.clock.now(),
    };
    await this.database.transaction(async (tx) => {
      await insertClient(tx, client);
      await this.insertKey(tx, client.id, apiKey);
      const { id: subjectId, created_at: _, ...details } = client;
      await this.audit.record(tx, { action: 'client.created', actor, subjectId, requestId, details });
    });
    return { client, apiKey };
  }

  /** A living client. Throws 404 `client_not_found`. */
  async get(id: string): Promise<ClientRow> {
    const [row] = await this.database.rows<ClientRow>({
      text: `SELECT ${POLICY_COLUMNS} FROM client c WHERE c.id = $1 AND c.deleted_at IS NULL`,
      values: [id],
    });
    if (row === undefined) throw new AppError(clientNotFound);
    return row;
  }

  /** The keys of a client that still work, the oldest first. Never the keys themselves: they are not kept. */
  keysOf(id: string): Promise<ClientKeyRow[]> {
    return this.database.rows<ClientKeyRow>({
      text: `SELECT created_at, expires_at FROM client_key
        WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at, hash`,
      values: [id, this.clock.now()],
    });
  }

  /** Living clients by id, that is the oldest first: up to `limit` + 1 rows after the client `after`, as `toPage` wants them. */
  list(limit: number, after: string | null): Promise<ClientRow[]> {
    return this.database.rows<ClientRow>({
      text: `SELECT ${POLICY_COLUMNS} FROM client c
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
      const details = { name: client.name, role: client.role, leases: 'ended' };
      await this.audit.record(tx, { action: 'client.deleted', actor, subjectId: id, requestId, details });
    });
  }

  /**
   * Gives a client a new key. The older ones work for `graceSeconds` more, or for what a former change left them, if that is
   * less. Throws 404 `client_not_found`.
   */
  async issueKey(actor: Actor, id: string, graceSeconds: number, requestId: string | null = null): Promise<IssuedKey> {
    const apiKey = newApiKey(this.random);
    const now = this.clock.now();
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
      await this.insertKey(tx, id, apiKey);
      const details = { grace_seconds: graceSeconds };
      await this.audit.record(tx, { action: 'client.key_issued', actor, subjectId: id, requestId, details });
    });
    return { apiKey, previousKeysExpireAt };
  }

  private insertKey(tx: Transaction, clientId: string, apiKey: SecretString): Promise<number> {
    return tx.run({
      text: 'INSERT INTO client_key (hash, client_id, created_at, expires_at) VALUES ($1, $2, $3, NULL)',
      values: [this.hasher.lookupHash(apiKey.expose()), clientId, this.clock.now()],
    });
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
export function insertClient(tx: Transaction, client: ClientRow): Promise<number> {
  return tx.run({
    text: `INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, rate_limit_per_second, created_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
    values: [
      client.id,
      client.name,
      client.role,
      client.tenants,
      client.products,
      client.lease_modes,
      client.max_ttl_seconds,
      client.rate_limit_per_second,
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
