import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetDetails } from '../connection/asset-details.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';

export interface NewAsset {
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
  credential_id: CredentialId | null;
}

const selectPhoneNumbers = defineStatement<{ connectionId: ConnectionId }, PhoneNumberRow>(
  'phone_numbers',
  ({ connectionId }) => sql`SELECT id, parent_id, credential_id FROM asset
    WHERE connection_id = ${connectionId} AND type = 'phone_number' ORDER BY id`,
);

const selectRegistered = defineStatement<{ connectionId: ConnectionId; phoneNumberId: string | null }, { id: string }>(
  'phone_number_registered',
  ({ connectionId, phoneNumberId }) => sql`SELECT id FROM asset
    WHERE connection_id = ${connectionId} AND type = 'phone_number' AND id = ${phoneNumberId}
      AND details->'registration'->>'status' = 'registered'`,
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

/** So many rows by one statement. */
const BATCH = 500;

/** Assets that were granted twice are inserted once: the first counts. */
export async function insertAssets(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  assets: readonly NewAsset[],
): Promise<void> {
  for (let start = 0; start < assets.length; start += BATCH) {
    const batch = assets.slice(start, start + BATCH);
    await executor.run(
      insert({
        connectionId,
        types: batch.map(({ type }) => type),
        ids: batch.map(({ id }) => id),
        names: batch.map(({ name }) => name),
        credentialIds: batch.map(({ credentialId }) => credentialId),
        parentIds: batch.map(({ parentId }) => parentId),
        details: batch.map(({ details }) => (details === null ? null : JSON.stringify(details))),
      }),
    );
  }
}

/** All assets of a connection. */
export async function deleteAssets(executor: SqlExecutor, connectionId: ConnectionId): Promise<RemovedAssetRow[]> {
  return executor.rows(deleteAll({ connectionId }));
}

/** A phone number of a connection, and the credential that reaches it. */
export interface ConnectionPhoneNumber {
  id: string;
  wabaId: string | null;
  credentialId: CredentialId | null;
}

/** By id. */
export async function listPhoneNumbers(
  executor: SqlExecutor,
  connectionId: ConnectionId,
): Promise<ConnectionPhoneNumber[]> {
  const rows = await executor.rows(selectPhoneNumbers({ connectionId }));
  return rows.map((row) => ({ id: row.id, wabaId: row.parent_id, credentialId: row.credential_id }));
}

export async function isPhoneNumberRegistered(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  phoneNumberId: string | null,
): Promise<boolean> {
  return (await executor.rows(selectRegistered({ connectionId, phoneNumberId }))).length > 0;
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
