import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetDetails, PhoneRegistration } from '../connection/asset-details.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';

export interface NewAsset {
  type: AssetType;
  id: string;
  name: string | null;
  credentialId: CredentialId;
  parentId: string | null;
  details: AssetDetails | null;
}

interface InsertParameters extends Omit<NewAsset, 'details'> {
  connectionId: ConnectionId;
  /** JSON */
  details: string | null;
}

const insert = defineStatement<InsertParameters>(
  'asset_insert',
  (of) => sql`INSERT INTO asset (connection_id, type, id, name, credential_id, parent_id, details)
    VALUES (${of.connectionId}, ${of.type}, ${of.id}, ${of.name}, ${of.credentialId}, ${of.parentId}, ${of.details})
    ON CONFLICT (connection_id, type, id) DO NOTHING`,
  { prepare: true },
);

interface RemovedAssetRow {
  type: AssetType;
  id: string;
  details: AssetDetails | null;
}

const deleteAll = defineStatement<{ connectionId: ConnectionId }, RemovedAssetRow>(
  'assets_delete',
  ({ connectionId }) => sql`DELETE FROM asset WHERE connection_id = ${connectionId} RETURNING type, id, details`,
);

interface PhoneNumberRow {
  id: string;
  parent_id: string | null;
  credential_id: CredentialId;
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

/** Assets that were granted twice are inserted once. */
export async function insertAsset(executor: SqlExecutor, connectionId: ConnectionId, asset: NewAsset): Promise<void> {
  const details = asset.details === null ? null : JSON.stringify(asset.details);
  await executor.run(insert({ ...asset, connectionId, details }));
}

/** All assets of a connection. */
export async function deleteAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<RemovedAssetRow[]> {
  return executor.rows(deleteAll({ connectionId }));
}

/** A phone number of a connection, and the credential that reaches it. */
export interface ConnectionPhoneNumber {
  id: string;
  wabaId: string | null;
  credentialId: CredentialId;
  details: AssetDetails | null;
}

/** By id. */
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

/** Locks the number. Null: nothing is known, or there is no such number. */
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
