import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { PrivacyRequestId } from '../ids.ts';

export type PrivacyRequestKind = 'deauthorize' | 'data_deletion';

/** What Meta asked for on behalf of a user. */
export interface PrivacyRequest {
  id: PrivacyRequestId;
  kind: PrivacyRequestKind;
  appIds: string[];
  /** The sealed id of the user at Meta; null once the request is completed, and where an earlier release stored it. */
  userSecretId: SecretId | null;
  /** As an earlier release stored it. */
  plainUserId: string | null;
  /** As an earlier release stored it. */
  plainConfirmationCode: string | null;
  /** A keyed hash; null for deauthorizations. */
  codeHash: Buffer | null;
  issuedAt: Date | null;
  requestId: string | null;
  receivedAt: Date;
  completedAt: Date | null;
}

interface PrivacyRequestInsert
  extends Pick<PrivacyRequest, 'id' | 'kind' | 'appIds' | 'issuedAt' | 'requestId' | 'receivedAt'> {
  /** A keyed hash of the payload as it was signed. */
  payloadHash: Buffer;
  /** A keyed hash. Null for deauthorizations. */
  codeHash: Buffer | null;
  userSecretId: SecretId;
}

interface PrivacyRequestRow {
  id: PrivacyRequestId;
  kind: PrivacyRequestKind;
  app_ids: string[];
  user_secret_id: SecretId | null;
  meta_user_id: string | null;
  confirmation_code: string | null;
  code_hash: Buffer | null;
  issued_at: Date | null;
  request_id: string | null;
  received_at: Date;
  completed_at: Date | null;
}

const COLUMNS = sql`id, kind, app_ids, user_secret_id, meta_user_id, confirmation_code, code_hash, issued_at,
  request_id, received_at, completed_at`;

const insertRequest = defineStatement<PrivacyRequestInsert, PrivacyRequestRow>(
  'privacy_request_insert',
  (request) => sql`INSERT INTO privacy_request
      (id, kind, payload_hash, code_hash, app_ids, user_secret_id, issued_at, request_id, received_at, is_hashed)
    VALUES (${request.id}, ${request.kind}, ${request.payloadHash}, ${request.codeHash}, ${request.appIds}, ${request.userSecretId},
      ${request.issuedAt}, ${request.requestId}, ${request.receivedAt}, true)
    ON CONFLICT (kind, payload_hash) DO NOTHING RETURNING ${COLUMNS}`,
);

const selectByPayload = defineStatement<{ kind: PrivacyRequestKind; payloadHashes: Buffer[] }, PrivacyRequestRow>(
  'privacy_request_by_payload',
  ({ kind, payloadHashes }) =>
    sql`SELECT ${COLUMNS} FROM privacy_request WHERE kind = ${kind} AND payload_hash = ANY (${payloadHashes}::bytea[])
      ORDER BY received_at LIMIT 1`,
);

const selectByCode = defineStatement<{ codeHash: Buffer; code: string }, PrivacyRequestRow>(
  'privacy_request_by_code',
  ({ codeHash, code }) =>
    sql`SELECT ${COLUMNS} FROM privacy_request WHERE code_hash = ${codeHash} OR confirmation_code = ${code} LIMIT 1`,
);

const selectUnfinished = defineStatement<
  { receivedBefore: Date; limit: number; lastReceivedAt: Date | null; lastId: string | null },
  PrivacyRequestRow
>(
  'privacy_request_unfinished',
  ({ receivedBefore, limit, lastReceivedAt, lastId }) => sql`SELECT ${COLUMNS} FROM privacy_request
    WHERE completed_at IS NULL AND received_at < ${receivedBefore}
      AND (${lastReceivedAt}::timestamptz IS NULL OR (received_at, id) > (${lastReceivedAt}::timestamptz, ${lastId}::text))
    ORDER BY received_at, id LIMIT ${limit}`,
);

const updateCompleted = defineStatement<{ id: PrivacyRequestId; completedAt: Date }>(
  'privacy_request_complete',
  ({ id, completedAt }) =>
    sql`UPDATE privacy_request SET completed_at = ${completedAt}, meta_user_id = NULL, user_secret_id = NULL
      WHERE id = ${id} AND completed_at IS NULL`,
);

interface NotHashedRow {
  id: PrivacyRequestId;
  payload_hash: Buffer;
  confirmation_code: string | null;
}

const selectNotHashed = defineStatement<{ receivedBefore: Date; limit: number }, NotHashedRow>(
  'privacy_request_not_hashed',
  ({ receivedBefore, limit }) => sql`SELECT id, payload_hash, confirmation_code FROM privacy_request
    WHERE NOT is_hashed AND completed_at IS NOT NULL AND received_at < ${receivedBefore} ORDER BY received_at LIMIT ${limit}`,
);

const updateHashed = defineStatement<{ id: PrivacyRequestId; payloadHash: Buffer; codeHash: Buffer | null }>(
  'privacy_request_hash',
  ({ id, payloadHash, codeHash }) => sql`UPDATE privacy_request SET is_hashed = true, payload_hash = ${payloadHash},
      code_hash = ${codeHash}, confirmation_code = NULL WHERE id = ${id} AND NOT is_hashed AND completed_at IS NOT NULL`,
);

/** The stored request; null where this payload was received before. */
export async function insertPrivacyRequest(
  executor: SqlExecutor,
  request: PrivacyRequestInsert,
): Promise<PrivacyRequest | null> {
  return first(await executor.rows(insertRequest(request)));
}

/** `payloadHashes`: the forms that the hash may have. */
export async function findPrivacyRequestByPayload(
  executor: SqlExecutor,
  kind: PrivacyRequestKind,
  payloadHashes: Buffer[],
): Promise<PrivacyRequest | null> {
  return first(await executor.rows(selectByPayload({ kind, payloadHashes })));
}

export async function findPrivacyRequestByCode(
  executor: SqlExecutor,
  codeHash: Buffer,
  code: string,
): Promise<PrivacyRequest | null> {
  return first(await executor.rows(selectByCode({ codeHash, code })));
}

/** Requests received before `receivedBefore` that are not completed, the oldest first; those after `last`, where it is given. */
export async function listUnfinishedPrivacyRequests(
  executor: SqlExecutor,
  receivedBefore: Date,
  limit: number,
  last: PrivacyRequest | null,
): Promise<PrivacyRequest[]> {
  const position = { lastReceivedAt: last?.receivedAt ?? null, lastId: last?.id ?? null };
  const rows = await executor.rows(selectUnfinished({ receivedBefore, limit, ...position }));
  return rows.map(toPrivacyRequest);
}

/** Completes a request and removes the user from it. False where it was completed before. */
export async function completePrivacyRequest(
  executor: SqlExecutor,
  id: PrivacyRequestId,
  completedAt: Date,
): Promise<boolean> {
  return (await executor.run(updateCompleted({ id, completedAt }))) === 1;
}

/** Completed requests as an earlier release stored them, received before `receivedBefore`, the oldest first. */
export async function listNotHashedPrivacyRequests(
  executor: SqlExecutor,
  receivedBefore: Date,
  limit: number,
): Promise<{ id: PrivacyRequestId; payloadHash: Buffer; confirmationCode: string | null }[]> {
  const rows = await executor.rows(selectNotHashed({ receivedBefore, limit }));
  return rows.map((row) => ({
    id: row.id,
    payloadHash: row.payload_hash,
    confirmationCode: row.confirmation_code,
  }));
}

/** Leaves hashes in the place of what an earlier release stored. */
export async function storeHashesOfPrivacyRequest(
  executor: SqlExecutor,
  request: { id: PrivacyRequestId; payloadHash: Buffer; codeHash: Buffer | null },
): Promise<void> {
  await executor.run(updateHashed(request));
}

function first(rows: readonly PrivacyRequestRow[]): PrivacyRequest | null {
  const [row] = rows;
  return row === undefined ? null : toPrivacyRequest(row);
}

function toPrivacyRequest(row: PrivacyRequestRow): PrivacyRequest {
  return {
    id: row.id,
    kind: row.kind,
    appIds: row.app_ids,
    userSecretId: row.user_secret_id,
    plainUserId: row.meta_user_id,
    plainConfirmationCode: row.confirmation_code,
    codeHash: row.code_hash,
    issuedAt: row.issued_at,
    requestId: row.request_id,
    receivedAt: row.received_at,
    completedAt: row.completed_at,
  };
}
