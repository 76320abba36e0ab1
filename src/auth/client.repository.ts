import sql from 'sql-template-tag';
import type { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { ClientIdentity } from './client-identity.ts';
import { CLIENT_COLUMNS } from './client-lookup.query.ts';
import { CLIENT_IDENTITY_MAC, CLIENT_MAC } from './client-macs.ts';
import type { ClientDetailsRow, ClientRow, StoredClientRow } from './client-row.ts';
import type { ClientId } from './ids.ts';

/** Advisory lock for deleting clients. Without it, two admins could delete each other and leave none. */
const DELETION_LOCK = 727_004;

/** The columns of `client c` for `DetailsRow`. */
const DETAILS_COLUMNS = sql`${CLIENT_COLUMNS}, c.last_used_at, (
    SELECT coalesce(json_agg(json_build_object('issuer', i.issuer, 'audience', i.audience, 'subject', i.subject, 'mac', encode(i.mac, 'hex'))
      ORDER BY i.issuer, i.subject, i.audience), '[]')
    FROM client_identity i WHERE i.client_id = c.id) AS identities`;

type DetailsRow = StoredClientRow &
  Pick<ClientDetailsRow, 'last_used_at'> & { identities: (ClientIdentity & { mac: string | null })[] };
/** A row to write, with `allow` as JSON. */
type ClientParameters = Omit<StoredClientRow, 'allow' | 'mac'> & { allow: string | null; mac: Buffer };

const selectStatement = defineStatement<{ id: ClientId }, DetailsRow>(
  'client_select',
  ({ id }) => sql`SELECT ${DETAILS_COLUMNS} FROM client c WHERE c.id = ${id} AND c.deleted_at IS NULL`,
);

const listStatement = defineStatement<{ after: string | null; limit: number }, DetailsRow>(
  'client_list',
  ({ after, limit }) => sql`SELECT ${DETAILS_COLUMNS} FROM client c
    WHERE c.deleted_at IS NULL AND (${after}::text IS NULL OR c.id > ${after}) ORDER BY c.id LIMIT ${limit}`,
);

const listIdsStatement = defineStatement<{ after: string; limit: number }, { id: ClientId }>(
  'client_list_ids',
  ({ after, limit }) => sql`SELECT id FROM client WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

const lockForChangeStatement = defineStatement<{ id: ClientId }, DetailsRow>(
  'client_lock_for_change',
  ({ id }) =>
    sql`SELECT ${DETAILS_COLUMNS} FROM client c WHERE c.id = ${id} AND c.deleted_at IS NULL FOR NO KEY UPDATE OF c`,
);

const lockStatement = defineStatement<{ id: ClientId }, StoredClientRow>(
  'client_lock',
  ({ id }) => sql`SELECT ${CLIENT_COLUMNS} FROM client c WHERE c.id = ${id} FOR UPDATE`,
);

const lockDeletionsStatement = defineStatement<Record<never, never>, { pg_advisory_xact_lock: string }>(
  'client_deletion_lock',
  () => sql`SELECT pg_advisory_xact_lock(${DELETION_LOCK})`,
);

const insertStatement = defineStatement<ClientParameters>(
  'client_insert',
  (
    client,
  ) => sql`INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, rate_limit_per_second, allow,
      ip_allow_list, policy_version, created_at, deleted_at, mac)
    VALUES (${client.id}, ${client.name}, ${client.role}, ${client.tenants}, ${client.products}, ${client.lease_modes},
      ${client.max_ttl_seconds}, ${client.rate_limit_per_second}, ${client.allow}::jsonb, ${client.ip_allow_list},
      ${client.policy_version}, ${client.created_at}, ${client.deleted_at}, ${client.mac}) ON CONFLICT (id) DO NOTHING`,
);

const updateStatement = defineStatement<ClientParameters>(
  'client_update',
  (client) => sql`UPDATE client SET name = ${client.name}, role = ${client.role}, tenants = ${client.tenants},
    products = ${client.products}, lease_modes = ${client.lease_modes}, max_ttl_seconds = ${client.max_ttl_seconds},
    rate_limit_per_second = ${client.rate_limit_per_second}, allow = ${client.allow}::jsonb,
    ip_allow_list = ${client.ip_allow_list}, policy_version = ${client.policy_version}, created_at = ${client.created_at},
    deleted_at = ${client.deleted_at}, mac = ${client.mac} WHERE id = ${client.id}`,
);

const setDeletedStatement = defineStatement<{ id: ClientId; deletedAt: Date | null; mac: Buffer | null }>(
  'client_set_deleted',
  ({ id, deletedAt, mac }) => sql`UPDATE client SET deleted_at = ${deletedAt}, mac = ${mac} WHERE id = ${id}`,
);

/** Returns null if the client is unknown or deleted, or its MAC doesn't verify. */
export async function findClient(executor: SqlExecutor, macs: RowMacs, id: ClientId): Promise<ClientDetailsRow | null> {
  const [row] = await executor.rows(selectStatement({ id }));
  return toDetails(macs, row);
}

/** Lists clients by id, after `after`. Skips deleted ones and those whose MAC doesn't verify. */
export async function listClients(
  executor: SqlExecutor,
  macs: RowMacs,
  limit: number,
  after: string | null,
): Promise<ClientDetailsRow[]> {
  const clients: ClientDetailsRow[] = [];
  for (let last = after; clients.length < limit; ) {
    const rows = await executor.rows(listStatement({ after: last, limit }));
    clients.push(...rows.flatMap((row) => toDetails(macs, row) ?? []));
    if (rows.length < limit) break;
    last = rows.at(-1)?.id ?? null;
  }
  return clients.slice(0, limit);
}

/** Locks a client for a policy change. Null if it is unknown or deleted, or its MAC doesn't verify. */
export async function lockClientForChange(
  tx: SqlExecutor,
  macs: RowMacs,
  id: ClientId,
): Promise<ClientDetailsRow | null> {
  const [row] = await tx.rows(lockForChangeStatement({ id }));
  return toDetails(macs, row);
}

/** Locks a client to change its keys or delete it, even if it is deleted (`deleted_at`) or its MAC doesn't verify. */
export async function lockClient(tx: SqlExecutor, id: ClientId): Promise<StoredClientRow | null> {
  const [row] = await tx.rows(lockStatement({ id }));
  return row ?? null;
}

/** Serializes deletions of clients until the transaction ends. */
export async function lockDeletions(tx: SqlExecutor): Promise<void> {
  await tx.run(lockDeletionsStatement({}));
}

/** Inserts a client. Returns false, changing nothing, if the id exists. */
export async function insertClient(tx: SqlExecutor, macs: RowMacs, client: ClientRow): Promise<boolean> {
  return (await tx.run(insertStatement(toParameters(macs, client)))) === 1;
}

/** Overwrites a locked client and undeletes it. The caller increments the version. */
export async function updateClient(tx: SqlExecutor, macs: RowMacs, client: ClientRow): Promise<void> {
  await tx.run(updateStatement(toParameters(macs, client)));
}

/** Sets or clears `deleted_at` of a locked client. One whose MAC doesn't verify gets none, so it stays invalid. */
export async function setClientDeleted(
  tx: SqlExecutor,
  macs: RowMacs,
  client: StoredClientRow,
  deletedAt: Date | null,
): Promise<void> {
  const mac = macs.fits(CLIENT_MAC, client) ? macs.compute(CLIENT_MAC, { ...client, deleted_at: deletedAt }) : null;
  await tx.run(setDeletedStatement({ id: client.id, deletedAt, mac }));
}

function toDetails(macs: RowMacs, row: DetailsRow | undefined): ClientDetailsRow | null {
  if (row === undefined || !macs.verify(CLIENT_MAC, row)) return null;
  const { mac: _, deleted_at: __, identities, ...details } = row;
  return {
    ...details,
    identities: identities
      .filter(({ mac, ...identity }) =>
        macs.verify(CLIENT_IDENTITY_MAC, {
          ...identity,
          client_id: row.id,
          mac: mac === null ? null : Buffer.from(mac, 'hex'),
        }),
      )
      .map(({ issuer, audience, subject }) => ({ issuer, audience, subject })),
  };
}

function toParameters(macs: RowMacs, client: ClientRow): ClientParameters {
  const stored = { ...client, deleted_at: null };
  return {
    ...stored,
    allow: client.allow === null ? null : JSON.stringify(client.allow),
    mac: macs.compute(CLIENT_MAC, stored),
  };
}

/** Returns up to `limit` ids after `after`, including deleted clients. */
export async function listClientIds(executor: SqlExecutor, after: string, limit: number): Promise<ClientId[]> {
  return (await executor.rows(listIdsStatement({ after, limit }))).map(({ id }) => id);
}
