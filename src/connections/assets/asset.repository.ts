import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetDetails, PhoneRegistration } from '../connection/asset-details.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';

/** What is known of an asset of a connection. */
export interface AssetValues {
  type: AssetType;
  id: string;
  name: string | null;
  /** Null: Meta gives no token for it. */
  credentialId: CredentialId | null;
  parentId: string | null;
  details: AssetDetails | null;
}

interface AssetColumns {
  connectionId: ConnectionId;
  types: AssetType[];
  ids: string[];
  names: (string | null)[];
  credentialIds: (CredentialId | null)[];
  parentIds: (string | null)[];
  /** JSON */
  details: (string | null)[];
}

const insert = defineStatement<AssetColumns>(
  'assets_insert',
  (of) => sql`INSERT INTO asset (connection_id, type, id, name, credential_id, parent_id, details)
    SELECT ${of.connectionId}::text, type, id, name, credential_id, parent_id, details::jsonb
    FROM unnest(${of.types}::text[], ${of.ids}::text[], ${of.names}::text[], ${of.credentialIds}::text[], ${of.parentIds}::text[],
      ${of.details}::text[]) AS a (type, id, name, credential_id, parent_id, details)
    ON CONFLICT (connection_id, type, id) DO NOTHING`,
  { prepare: true },
);

const update = defineStatement<AssetColumns>(
  'assets_update',
  (
    of,
  ) => sql`UPDATE asset a SET name = u.name, credential_id = u.credential_id, parent_id = u.parent_id, details = u.details::jsonb
    FROM unnest(${of.types}::text[], ${of.ids}::text[], ${of.names}::text[], ${of.credentialIds}::text[], ${of.parentIds}::text[],
      ${of.details}::text[]) AS u (type, id, name, credential_id, parent_id, details)
    WHERE a.connection_id = ${of.connectionId} AND a.type = u.type AND a.id = u.id`,
);

const deleteSome = defineStatement<{ connectionId: ConnectionId; types: AssetType[]; ids: string[] }>(
  'assets_delete_some',
  ({ connectionId, types, ids }) => sql`DELETE FROM asset WHERE connection_id = ${connectionId}
    AND (type, id) IN (SELECT type, id FROM unnest(${types}::text[], ${ids}::text[]) AS d (type, id))`,
);

interface AssetRow {
  type: AssetType;
  id: string;
  name: string | null;
  credential_id: CredentialId | null;
  parent_id: string | null;
  details: AssetDetails | null;
}

const selectAll = defineStatement<{ connectionId: ConnectionId }, AssetRow>(
  'assets_of_connection',
  ({ connectionId }) =>
    sql`SELECT type, id, name, credential_id, parent_id, details FROM asset WHERE connection_id = ${connectionId}`,
);

interface RemovedAssetRow {
  type: AssetType;
  id: string;
  parent_id: string | null;
  details: AssetDetails | null;
}

const deleteAll = defineStatement<{ connectionId: ConnectionId }, RemovedAssetRow>(
  'assets_delete',
  ({ connectionId }) =>
    sql`DELETE FROM asset WHERE connection_id = ${connectionId} RETURNING type, id, parent_id, details`,
);

interface PhoneNumberRow {
  id: string;
  parent_id: string | null;
  credential_id: CredentialId | null;
  details: AssetDetails | null;
}

const selectPhoneNumbers = defineStatement<{ connectionId: ConnectionId }, PhoneNumberRow>(
  'phone_numbers',
  ({ connectionId }) => sql`SELECT id, parent_id, credential_id, details FROM asset
    WHERE connection_id = ${connectionId} AND type = 'phone_number' ORDER BY id`,
);

interface RegistrationStatusRow {
  status: PhoneRegistration['status'] | null;
}

const selectRegistrationStatus = defineStatement<
  { connectionId: ConnectionId; phoneNumberId: string | null },
  RegistrationStatusRow
>(
  'phone_number_registration_status',
  ({ connectionId, phoneNumberId }) => sql`SELECT details->'registration'->>'status' AS status FROM asset
    WHERE connection_id = ${connectionId} AND type = 'phone_number' AND id = ${phoneNumberId} FOR UPDATE`,
);

const selectFailedRegistration = defineStatement<{ connectionId: ConnectionId }, { id: string }>(
  'phone_number_registration_failed',
  ({ connectionId }) => sql`SELECT id FROM asset
    WHERE connection_id = ${connectionId} AND details->'registration'->>'status' = 'failed' LIMIT 1`,
);

const mergeDetails = defineStatement<{ connectionId: ConnectionId; phoneNumberId: string; details: string }>(
  'phone_number_details_merge',
  ({
    connectionId,
    phoneNumberId,
    details,
  }) => sql`UPDATE asset SET details = coalesce(details, '{}') || ${details}::jsonb
    WHERE connection_id = ${connectionId} AND type = 'phone_number' AND id = ${phoneNumberId}`,
);

const selectOfType = defineStatement<{ connectionId: ConnectionId; type: AssetType }, { id: string }>(
  'asset_of_type',
  ({ connectionId, type }) =>
    sql`SELECT id FROM asset WHERE connection_id = ${connectionId} AND type = ${type} LIMIT 1`,
);

/** Rows per statement. */
const BATCH = 500;

/** Inserts assets granted twice only once: the first counts. */
export async function insertAssets(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  assets: readonly AssetValues[],
): Promise<void> {
  for (let start = 0; start < assets.length; start += BATCH)
    await executor.run(insert(toColumns(connectionId, assets.slice(start, start + BATCH))));
}

/** Updates a connection's assets. Deleted ones stay deleted. */
export async function updateAssets(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  assets: readonly AssetValues[],
): Promise<void> {
  for (let start = 0; start < assets.length; start += BATCH)
    await executor.run(update(toColumns(connectionId, assets.slice(start, start + BATCH))));
}

export async function deleteSomeAssets(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  assets: readonly Pick<AssetValues, 'type' | 'id'>[],
): Promise<void> {
  if (assets.length === 0) return;
  await executor.run(
    deleteSome({ connectionId, types: assets.map(({ type }) => type), ids: assets.map(({ id }) => id) }),
  );
}

export async function listAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<AssetValues[]> {
  const rows = await executor.rows(selectAll({ connectionId }));
  return rows.map(({ credential_id: credentialId, parent_id: parentId, ...row }) => ({
    ...row,
    credentialId,
    parentId,
  }));
}

function toColumns(connectionId: ConnectionId, assets: readonly AssetValues[]): AssetColumns {
  return {
    connectionId,
    types: assets.map(({ type }) => type),
    ids: assets.map(({ id }) => id),
    names: assets.map(({ name }) => name),
    credentialIds: assets.map(({ credentialId }) => credentialId),
    parentIds: assets.map(({ parentId }) => parentId),
    details: assets.map(({ details }) => (details === null ? null : JSON.stringify(details))),
  };
}

type RemovedAsset = Pick<AssetValues, 'type' | 'id' | 'parentId' | 'details'>;

/** Deletes all assets of a connection and returns them. */
export async function deleteAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<RemovedAsset[]> {
  const rows = await executor.rows(deleteAll({ connectionId }));
  return rows.map(({ parent_id: parentId, ...row }) => ({ ...row, parentId }));
}

/** A connection's phone number and the credential that reaches it. */
export interface ConnectionPhoneNumber {
  id: string;
  wabaId: string | null;
  credentialId: CredentialId | null;
  details: AssetDetails | null;
}

/** Ordered by id. */
export async function listPhoneNumbers(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<ConnectionPhoneNumber[]> {
  const rows = await executor.rows(selectPhoneNumbers({ connectionId }));
  return rows.map((row) => ({
    id: row.id,
    wabaId: row.parent_id,
    credentialId: row.credential_id,
    details: row.details,
  }));
}

/** Locks the number. Null: no such number, or status unknown. */
export async function lockRegistrationStatus(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  phoneNumberId: string | null,
): Promise<PhoneRegistration['status'] | null> {
  const [row] = await executor.rows(selectRegistrationStatus({ connectionId, phoneNumberId }));
  return row?.status ?? null;
}

export async function hasFailedRegistration(executor: SqlExecutor, connectionId: ConnectionId): Promise<boolean> {
  return (await executor.rows(selectFailedRegistration({ connectionId }))).length > 0;
}

export async function mergePhoneNumberDetails(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  phoneNumberId: string,
  details: AssetDetails,
): Promise<void> {
  await executor.run(mergeDetails({ connectionId, phoneNumberId, details: JSON.stringify(details) }));
}

export async function hasAssetOfType(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  type: AssetType,
): Promise<boolean> {
  return (await executor.rows(selectOfType({ connectionId, type }))).length > 0;
}
