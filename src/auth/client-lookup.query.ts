import sql from 'sql-template-tag';
import type { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor, type Statement } from '../database/statement.ts';
import { joinClient, keyIsValid } from './client-conditions.query.ts';
import type { ClientIdentity } from './client-identity.ts';
import { CLIENT_IDENTITY_MAC, CLIENT_KEY_MAC, CLIENT_MAC } from './client-macs.ts';
import type { ClientRow, StoredClientRow } from './client-row.ts';
import type { VerifiedIdentity } from './credentials/jwt-verifier.ts';
import type { ClientId } from './ids.ts';

/** The columns of `client c` for `StoredClientRow`. */
export const CLIENT_COLUMNS = sql`c.id, c.name, c.role, c.tenants, c.products, c.lease_modes, c.max_ttl_seconds, c.rate_limit_per_second,
  c.allow, c.ip_allow_list, c.policy_version, c.created_at, c.deleted_at, c.mac`;

/** The columns of `client_key k` under its MAC, renamed to avoid those of `client`. */
const KEY_COLUMNS = sql`k.hash AS key_hash, k.created_at AS key_created_at, k.expires_at AS key_expires_at, k.mac AS key_mac`;

interface WithKey extends StoredClientRow {
  key_hash: Buffer;
  key_created_at: Date;
  key_expires_at: Date | null;
  key_mac: Buffer | null;
}
type WithIdentity = StoredClientRow & ClientIdentity & { identity_mac: Buffer | null };
type ClientByKeyRow = ClientRow & { key_expires_at: Date | null };
const byKeyStatement = defineStatement<{ hash: Buffer }, WithKey>(
  'client_by_key',
  ({ hash }) => sql`SELECT ${CLIENT_COLUMNS}, ${KEY_COLUMNS}
    FROM (SELECT * FROM client_key WHERE hash = ${hash} OFFSET 0) k ${joinClient(sql`c`, sql`k.client_id`)} AND c.deleted_at IS NULL`,
  { prepare: true },
);

const byIdentityStatement = defineStatement<Pick<VerifiedIdentity, 'issuer' | 'subject' | 'audiences'>, WithIdentity>(
  'client_by_identity',
  ({
    issuer,
    subject,
    audiences,
  }) => sql`SELECT ${CLIENT_COLUMNS}, i.issuer, i.subject, i.audience, i.mac AS identity_mac
    FROM (SELECT * FROM client_identity WHERE issuer = ${issuer} AND subject = ${subject} AND audience = ANY (${audiences}) OFFSET 0) i
    ${joinClient(sql`c`, sql`i.client_id`)} AND c.deleted_at IS NULL`,
  { prepare: true },
);

const otherAdminsStatement = defineStatement<{ id: ClientId; now: Date }, WithKey>(
  'client_other_admins',
  ({ id, now }) => sql`SELECT ${CLIENT_COLUMNS}, ${KEY_COLUMNS} FROM client c JOIN client_key k ON k.client_id = c.id
    WHERE c.role = 'admin' AND c.deleted_at IS NULL AND c.id <> ${id} AND ${keyIsValid(sql`k`, now)}`,
);

/** Finds no client, but makes Postgres plan the statement. */
export const lookUpNobody = (): Statement => byKeyStatement({ hash: Buffer.alloc(0) });

/** Returns the client of a key, expired or not. Null if unknown, deleted, or if a MAC doesn't verify. */
export async function findClientByKey(
  executor: Pick<SqlExecutor, 'rows'>,
  macs: RowMacs,
  hash: Buffer,
): Promise<ClientByKeyRow | null> {
  const [row] = await executor.rows(byKeyStatement({ hash }));
  return row !== undefined && isGenuineWithKey(macs, row) ? row : null;
}

/** Returns the clients with an identity for any of the audiences. More than one is ambiguous. */
export async function findClientsByIdentity(
  executor: Pick<SqlExecutor, 'rows'>,
  macs: RowMacs,
  { issuer, subject, audiences }: VerifiedIdentity,
): Promise<ClientRow[]> {
  const rows = await executor.rows(byIdentityStatement({ issuer, subject, audiences }));
  const genuine = rows.filter(
    (row) =>
      macs.verify(CLIENT_MAC, row) &&
      macs.verify(CLIENT_IDENTITY_MAC, { ...row, client_id: row.id, mac: row.identity_mac }),
  );
  return [...new Map(genuine.map((row) => [row.id, row])).values()];
}

/** Whether an admin other than this client has a valid key. */
export async function hasOtherAdmin(executor: SqlExecutor, macs: RowMacs, id: ClientId, now: Date): Promise<boolean> {
  return (await executor.rows(otherAdminsStatement({ id, now }))).some((row) => isGenuineWithKey(macs, row));
}

function isGenuineWithKey(macs: RowMacs, row: WithKey): boolean {
  const key = {
    hash: row.key_hash,
    client_id: row.id,
    created_at: row.key_created_at,
    expires_at: row.key_expires_at,
    mac: row.key_mac,
  };
  return macs.verify(CLIENT_KEY_MAC, key) && macs.verify(CLIENT_MAC, row);
}
