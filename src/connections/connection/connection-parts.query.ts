import sql from 'sql-template-tag';
import { defineStatement, type SqlReader } from '../../database/statement.ts';
import type { AssetType, CredentialKind, Health } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { CredentialFailure } from '../status/status-reason.ts';
import type { AssetDetails } from './asset-details.ts';

/** A credential without its sealed token, so it is safe to list and format. */
export interface CredentialPart {
  id: CredentialId;
  connection_id: ConnectionId;
  kind: CredentialKind;
  subject_id: string;
  subject_name: string | null;
  version: number;
  scopes: string[];
  issued_at: Date | null;
  expires_at: Date | null;
  refresh_after: Date | null;
  last_refreshed_at: Date | null;
  last_checked_at: Date | null;
  health: Health;
  failure: CredentialFailure | null;
}

export interface AssetPart {
  connection_id: ConnectionId;
  type: AssetType;
  id: string;
  name: string | null;
  credential_id: CredentialId | null;
  parent_id: string | null;
  details: AssetDetails | null;
}

/** How many credentials and assets a connection has. */
export interface PartCounts {
  id: ConnectionId;
  credentials: number;
  assets: number;
}

/** Why at least one credential of a connection could not be refreshed or inspected. */
export interface ConnectionFailure {
  connection_id: ConnectionId;
  code: CredentialFailure['code'];
}

interface Embedding {
  ids: readonly ConnectionId[];
  limit: number;
}

const CREDENTIAL_COLUMNS = sql`id, connection_id, kind, subject_id, subject_name, version, scopes, issued_at, expires_at, refresh_after,
  last_refreshed_at, last_checked_at, health, failure`;
const ASSET_COLUMNS = sql`connection_id, type, id, name, credential_id, parent_id, details`;

const selectFirstCredentials = defineStatement<Embedding, CredentialPart>(
  'credentials_embedded',
  ({
    ids,
    limit,
  }) => sql`SELECT k.id, k.connection_id, k.kind, k.subject_id, k.subject_name, k.version, k.scopes, k.issued_at,
      k.expires_at, k.refresh_after, k.last_refreshed_at, k.last_checked_at, k.health, k.failure
    FROM unnest(${ids}::text[]) AS c (id) CROSS JOIN LATERAL (
      SELECT * FROM (
        (SELECT is_root, ${CREDENTIAL_COLUMNS} FROM credential WHERE connection_id = c.id AND is_root)
        UNION ALL
        (SELECT is_root, ${CREDENTIAL_COLUMNS} FROM credential WHERE connection_id = c.id AND NOT is_root ORDER BY id LIMIT ${limit})
      ) u ORDER BY is_root DESC, id LIMIT ${limit}) k
    ORDER BY k.connection_id, k.is_root DESC, k.id`,
);

const selectFirstAssets = defineStatement<Embedding, AssetPart>(
  'assets_embedded',
  ({ ids, limit }) => sql`SELECT a.connection_id, a.type, a.id, a.name, a.credential_id, a.parent_id, a.details
    FROM unnest(${ids}::text[]) AS c (id) CROSS JOIN LATERAL (
      SELECT ${ASSET_COLUMNS} FROM asset WHERE connection_id = c.id ORDER BY type, id LIMIT ${limit}) a
    ORDER BY a.connection_id, a.type, a.id`,
);

const selectCounts = defineStatement<{ ids: readonly ConnectionId[] }, PartCounts>(
  'connection_part_counts',
  ({ ids }) => sql`SELECT c.id,
      (SELECT count(*)::int FROM credential k WHERE k.connection_id = c.id) AS credentials,
      (SELECT count(*)::int FROM asset a WHERE a.connection_id = c.id) AS assets
    FROM connection c WHERE c.id = ANY (${ids}::text[])`,
);

const selectFailures = defineStatement<{ ids: readonly ConnectionId[] }, ConnectionFailure>(
  'connection_failures',
  ({ ids }) => sql`SELECT DISTINCT connection_id, failure->>'code' AS code FROM credential
    WHERE connection_id = ANY (${ids}::text[]) AND failure IS NOT NULL ORDER BY connection_id, code`,
);

interface PartFilter<T> {
  connectionId: ConnectionId;
  type: T | undefined;
  /** Part of a name or id, in any case. */
  text: string | undefined;
  limit: number;
}

const selectCredentials = defineStatement<PartFilter<CredentialKind> & { after: string }, CredentialPart>(
  'credentials_page',
  ({ connectionId, type = null, text = null, after, limit }) => sql`SELECT ${CREDENTIAL_COLUMNS} FROM credential
    WHERE connection_id = ${connectionId} AND id > ${after} AND (${type}::text IS NULL OR kind = ${type})
      AND (${text}::text IS NULL OR strpos(lower(subject_name), lower(${text})) > 0 OR strpos(lower(subject_id), lower(${text})) > 0
        OR strpos(id, lower(${text})) > 0)
    ORDER BY id LIMIT ${limit}`,
);

const selectAssets = defineStatement<PartFilter<AssetType> & { after: AssetPosition }, AssetPart>(
  'assets_page',
  ({ connectionId, type = null, text = null, after, limit }) => sql`SELECT ${ASSET_COLUMNS} FROM asset
    WHERE connection_id = ${connectionId} AND (type, id) > (${after.type}::text, ${after.id}::text)
      AND (${type}::text IS NULL OR type = ${type})
      AND (${text}::text IS NULL OR strpos(lower(name), lower(${text})) > 0 OR strpos(lower(id), lower(${text})) > 0)
    ORDER BY type, id LIMIT ${limit}`,
);

/** The place of an asset in the order of a connection's assets. */
export interface AssetPosition {
  type: string;
  id: string;
}

/** The first credentials of each connection (the root one first, then by id), up to `limit` each. */
export function listFirstCredentials(
  executor: SqlReader,
  ids: readonly ConnectionId[],
  limit: number,
): Promise<CredentialPart[]> {
  return executor.rows(selectFirstCredentials({ ids, limit }));
}

/** The first assets of each connection by type and id, up to `limit` each. */
export function listFirstAssets(
  executor: SqlReader,
  ids: readonly ConnectionId[],
  limit: number,
): Promise<AssetPart[]> {
  return executor.rows(selectFirstAssets({ ids, limit }));
}

/** Reads indexes only. */
export function countParts(executor: SqlReader, ids: readonly ConnectionId[]): Promise<PartCounts[]> {
  return executor.rows(selectCounts({ ids }));
}

/** The failures of all credentials of these connections, each code once. */
export function listFailures(executor: SqlReader, ids: readonly ConnectionId[]): Promise<ConnectionFailure[]> {
  return executor.rows(selectFailures({ ids }));
}

/** A connection's credentials by id, from after the id `after`. */
export function listCredentials(
  executor: SqlReader,
  filter: PartFilter<CredentialKind> & { after: string | null },
): Promise<CredentialPart[]> {
  return executor.rows(selectCredentials({ ...filter, after: filter.after ?? '' }));
}

/** A connection's assets by type and id, from after the position `after`. */
export function listConnectionAssets(
  executor: SqlReader,
  filter: PartFilter<AssetType> & { after: AssetPosition | null },
): Promise<AssetPart[]> {
  return executor.rows(selectAssets({ ...filter, after: filter.after ?? { type: '', id: '' } }));
}
