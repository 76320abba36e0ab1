import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import { keyIsValid } from './client-conditions.query.ts';
import type { ClientDetailsRow, ClientRow } from './client-row.ts';
import type { VerifiedIdentity } from './credentials/jwt-verifier.ts';
import type { ClientId } from './ids.ts';

/** Advisory lock for deleting clients: one at a time, so that two admins can't each leave the other as the last one. */
const DELETION_LOCK = 727_004;

/** The columns of `client c` for `ClientRow`. */
const COLUMNS = sql`c.id, c.name, c.role, c.tenants, c.products, c.lease_modes, c.max_ttl_seconds, c.rate_limit_per_second,
  c.allow, c.ip_allow_list, c.policy_version, c.created_at`;

/** The columns of `client c` for `ClientDetailsRow`. */
const DETAILS_COLUMNS = sql`${COLUMNS}, c.last_used_at, (
    SELECT coalesce(json_agg(json_build_object('issuer', i.issuer, 'audience', i.audience, 'subject', i.subject)
      ORDER BY i.issuer, i.subject, i.audience), '[]')
    FROM client_identity i WHERE i.client_id = c.id) AS identities`;

type ClientByKeyRow = ClientRow & { key_expires_at: Date | null };
type DeletableClientRow = Pick<ClientRow, 'name' | 'role'> & { deleted_at: Date | null };
/** What an UPDATE sets; `allow` as JSON. */
type PolicyParameters = Pick<
  ClientRow,
  'id' | 'name' | 'tenants' | 'products' | 'lease_modes' | 'max_ttl_seconds' | 'rate_limit_per_second' | 'ip_allow_list'
> & { allow: string | null };

const byKeyStatement = defineStatement<{ hash: Buffer }, ClientByKeyRow>(
  'client_by_key',
  ({ hash }) => sql`SELECT ${COLUMNS}, k.expires_at AS key_expires_at
    FROM client_key k JOIN client c ON c.id = k.client_id WHERE k.hash = ${hash} AND c.deleted_at IS NULL`,
  { prepare: true },
);

const byIdentityStatement = defineStatement<Pick<VerifiedIdentity, 'issuer' | 'subject' | 'audiences'>, ClientRow>(
  'client_by_identity',
  ({ issuer, subject, audiences }) => sql`SELECT ${COLUMNS} FROM client c WHERE c.deleted_at IS NULL AND c.id IN (
    SELECT i.client_id FROM client_identity i
    WHERE i.issuer = ${issuer} AND i.subject = ${subject} AND i.audience = ANY (${audiences})) LIMIT 2`,
  { prepare: true },
);

const selectStatement = defineStatement<{ id: ClientId }, ClientDetailsRow>(
  'client_select',
  ({ id }) => sql`SELECT ${DETAILS_COLUMNS} FROM client c WHERE c.id = ${id} AND c.deleted_at IS NULL`,
);

const listStatement = defineStatement<{ after: string | null; limit: number }, ClientDetailsRow>(
  'client_list',
  ({ after, limit }) => sql`SELECT ${DETAILS_COLUMNS} FROM client c
    WHERE c.deleted_at IS NULL AND (${after}::text IS NULL OR c.id > ${after}) ORDER BY c.id LIMIT ${limit}`,
);

const listIdsStatement = defineStatement<{ after: string; limit: number }, { id: ClientId }>(
  'client_list_ids',
  ({ after, limit }) => sql`SELECT id FROM client WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

const lockForChangeStatement = defineStatement<{ id: ClientId }, ClientDetailsRow>(
  'client_lock_for_change',
  ({ id }) =>
    sql`SELECT ${DETAILS_COLUMNS} FROM client c WHERE c.id = ${id} AND c.deleted_at IS NULL FOR NO KEY UPDATE OF c`,
);

const lockStatement = defineStatement<{ id: ClientId }, DeletableClientRow>(
  'client_lock',
  ({ id }) => sql`SELECT name, role, deleted_at FROM client WHERE id = ${id} FOR UPDATE`,
);

const lockDeletionsStatement = defineStatement<Record<never, never>, { pg_advisory_xact_lock: string }>(
  'client_deletion_lock',
  () => sql`SELECT pg_advisory_xact_lock(${DELETION_LOCK})`,
);

const otherAdminStatement = defineStatement<{ id: ClientId; now: Date }, { id: ClientId }>(
  'client_other_admin',
  ({ id, now }) => sql`SELECT c.id FROM client c JOIN client_key k ON k.client_id = c.id
    WHERE c.role = 'admin' AND c.deleted_at IS NULL AND c.id <> ${id} AND ${keyIsValid(sql`k`, now)} LIMIT 1`,
);

const insertStatement = defineStatement<PolicyParameters & Pick<ClientRow, 'role' | 'created_at'>>(
  'client_insert',
  (
    client,
  ) => sql`INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, rate_limit_per_second, allow,
      ip_allow_list, created_at)
    VALUES (${client.id}, ${client.name}, ${client.role}, ${client.tenants}, ${client.products}, ${client.lease_modes},
      ${client.max_ttl_seconds}, ${client.rate_limit_per_second}, ${client.allow}::jsonb, ${client.ip_allow_list},
      ${client.created_at}) ON CONFLICT (id) DO NOTHING`,
);

const updateStatement = defineStatement<PolicyParameters>(
  'client_update',
  (client) => sql`UPDATE client SET name = ${client.name}, tenants = ${client.tenants}, products = ${client.products},
    lease_modes = ${client.lease_modes}, max_ttl_seconds = ${client.max_ttl_seconds},
    rate_limit_per_second = ${client.rate_limit_per_second}, allow = ${client.allow}::jsonb,
    ip_allow_list = ${client.ip_allow_list}, policy_version = policy_version + 1 WHERE id = ${client.id}`,
);

const setDeletedStatement = defineStatement<{ id: ClientId; deletedAt: Date | null }>(
  'client_set_deleted',
  ({ id, deletedAt }) => sql`UPDATE client SET deleted_at = ${deletedAt} WHERE id = ${id}`,
);

/** The client of a key, even an expired one. Null if there is none, or it is deleted. */
export async function findClientByKey(
  executor: Pick<SqlExecutor, 'rows'>,
  hash: Buffer,
): Promise<ClientByKeyRow | null> {
  const [row] = await executor.rows(byKeyStatement({ hash }));
  return row ?? null;
}

/** Up to two clients with an identity for any of its audiences: two are ambiguous. */
export function findClientsByIdentity(
  executor: Pick<SqlExecutor, 'rows'>,
  { issuer, subject, audiences }: VerifiedIdentity,
): Promise<ClientRow[]> {
  return executor.rows(byIdentityStatement({ issuer, subject, audiences }));
}

/** Null if there is none, or it is deleted. */
export async function findClient(executor: SqlExecutor, id: ClientId): Promise<ClientDetailsRow | null> {
  const [row] = await executor.rows(selectStatement({ id }));
  return row ?? null;
}

/** Clients that are not deleted, after the id `after`, by id. */
export function listClients(executor: SqlExecutor, limit: number, after: string | null): Promise<ClientDetailsRow[]> {
  return executor.rows(listStatement({ after, limit }));
}

/** Locks a client for a policy change. Null if there is none, or it is deleted. */
export async function lockClientForChange(tx: SqlExecutor, id: ClientId): Promise<ClientDetailsRow | null> {
  const [row] = await tx.rows(lockForChangeStatement({ id }));
  return row ?? null;
}

/** Locks a client to change its keys or delete it. A deleted one has `deleted_at`. */
export async function lockClient(tx: SqlExecutor, id: ClientId): Promise<DeletableClientRow | null> {
  const [row] = await tx.rows(lockStatement({ id }));
  return row ?? null;
}

/** Waits for other deletions of clients; held until the transaction ends. */
export async function lockDeletions(tx: SqlExecutor): Promise<void> {
  await tx.run(lockDeletionsStatement({}));
}

/** Whether an admin other than this client has a valid key. */
export async function hasOtherAdmin(executor: SqlExecutor, id: ClientId, now: Date): Promise<boolean> {
  return (await executor.rows(otherAdminStatement({ id, now }))).length > 0;
}

/** Inserts a client; false if the id exists, which leaves that client unchanged. */
export async function insertClient(tx: SqlExecutor, client: Omit<ClientRow, 'policy_version'>): Promise<boolean> {
  return (await tx.run(insertStatement({ ...client, allow: toJson(client.allow) }))) === 1;
}

/** Sets the policy and the name, and increments the version. */
export async function updateClient(tx: SqlExecutor, client: ClientRow): Promise<void> {
  await tx.run(updateStatement({ ...client, allow: toJson(client.allow) }));
}

/** Marks a client as deleted, or with null as not deleted. Also locks its row. */
export async function setClientDeleted(tx: SqlExecutor, id: ClientId, deletedAt: Date | null): Promise<void> {
  await tx.run(setDeletedStatement({ id, deletedAt }));
}

function toJson(allow: ClientRow['allow']): string | null {
  return allow === null ? null : JSON.stringify(allow);
}

/** Up to `limit` ids behind `after`, in order; deleted clients are among them. */
export async function listClientIds(executor: SqlExecutor, after: string, limit: number): Promise<ClientId[]> {
  return (await executor.rows(listIdsStatement({ after, limit }))).map(({ id }) => id);
}
