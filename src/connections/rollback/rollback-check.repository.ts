import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { ConnectionState } from '../status/connection-state.ts';

/** A connection as the record is held against it. */
export interface CountedConnection extends ConnectionState {
  id: ConnectionId;
}

/** A credential as the record is held against it. */
export interface VersionedCredential {
  id: CredentialId;
  version: number;
}

const selectConnections = defineStatement<{ ids: readonly ConnectionId[] }, CountedConnection>(
  'rollback_connections',
  ({ ids }) => sql`SELECT id, status, generation FROM connection WHERE id = ANY (${ids}::text[])`,
  { prepare: true },
);

const lockConnectionState = defineStatement<{ id: ConnectionId }, CountedConnection>(
  'rollback_connection_lock',
  ({ id }) => sql`SELECT id, status, generation FROM connection WHERE id = ${id} FOR UPDATE`,
);

const lockCredentialVersion = defineStatement<{ id: CredentialId }, VersionedCredential>(
  'rollback_credential_lock',
  ({ id }) => sql`SELECT id, version FROM credential WHERE id = ${id} FOR UPDATE`,
);

const listConnections = defineStatement<{ after: string; limit: number }, CountedConnection>(
  'rollback_connection_list',
  ({ after, limit }) =>
    sql`SELECT id, status, generation FROM connection WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

const listCredentials = defineStatement<{ after: string; limit: number }, VersionedCredential>(
  'rollback_credential_list',
  ({ after, limit }) => sql`SELECT id, version FROM credential WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
);

/** Crosses tenants, for code that holds credentials of these connections. */
export function findCountedConnections(
  executor: SqlExecutor,
  ids: readonly ConnectionId[],
): Promise<CountedConnection[]> {
  return executor.rows(selectConnections({ ids }));
}

/** Holds the row until the transaction ends, so that no entry of a change of it is committed meanwhile. Null where there is none. */
export async function lockCountedConnection(
  executor: SqlExecutor,
  id: ConnectionId,
): Promise<CountedConnection | null> {
  const [row] = await executor.rows(lockConnectionState({ id }));
  return row ?? null;
}

/** The same for a credential. */
export async function lockVersionedCredential(
  executor: SqlExecutor,
  id: CredentialId,
): Promise<VersionedCredential | null> {
  const [row] = await executor.rows(lockCredentialVersion({ id }));
  return row ?? null;
}

/** Up to `limit` connections of all tenants behind the id `after`, in order. */
export function listCountedConnections(
  executor: SqlExecutor,
  after: string,
  limit: number,
): Promise<CountedConnection[]> {
  return executor.rows(listConnections({ after, limit }));
}

/** Up to `limit` credentials of all tenants behind the id `after`, in order. */
export function listVersionedCredentials(
  executor: SqlExecutor,
  after: string,
  limit: number,
): Promise<VersionedCredential[]> {
  return executor.rows(listCredentials({ after, limit }));
}
