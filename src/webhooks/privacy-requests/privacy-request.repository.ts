import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { PrivacyRequestId } from '../ids.ts';

export type PrivacyRequestKind = 'deauthorize' | 'data_deletion';

/** What Meta asked for on behalf of a user. */
export interface PrivacyRequest {
  id: PrivacyRequestId;
  kind: PrivacyRequestKind;
  /** Null for deauthorizations. */
  confirmationCode: string | null;
  appIds: string[];
  /** Null once it is completed. */
  metaUserId: string | null;
  issuedAt: Date | null;
  requestId: string | null;
  receivedAt: Date;
  completedAt: Date | null;
}

/** `payloadHash`: of the payload as it was signed. */
type PrivacyRequestInsert = Omit<PrivacyRequest, 'completedAt'> & { payloadHash: Buffer };

interface PrivacyRequestRow {
  id: PrivacyRequestId;
  kind: PrivacyRequestKind;
  confirmation_code: string | null;
  app_ids: string[];
  meta_user_id: string | null;
  issued_at: Date | null;
  request_id: string | null;
  received_at: Date;
  completed_at: Date | null;
}

const COLUMNS = sql`id, kind, confirmation_code, app_ids, meta_user_id, issued_at, request_id, received_at, completed_at`;

const insertRequest = defineStatement<PrivacyRequestInsert, PrivacyRequestRow>(
  'privacy_request_insert',
  (request) => sql`INSERT INTO privacy_request
      (id, kind, payload_hash, confirmation_code, app_ids, meta_user_id, issued_at, request_id, received_at)
    VALUES (${request.id}, ${request.kind}, ${request.payloadHash}, ${request.confirmationCode}, ${request.appIds},
      ${request.metaUserId}, ${request.issuedAt}, ${request.requestId}, ${request.receivedAt})
    ON CONFLICT (kind, payload_hash) DO NOTHING RETURNING ${COLUMNS}`,
);

const selectByPayload = defineStatement<{ kind: PrivacyRequestKind; payloadHash: Buffer }, PrivacyRequestRow>(
  'privacy_request_by_payload',
  ({ kind, payloadHash }) =>
    sql`SELECT ${COLUMNS} FROM privacy_request WHERE kind = ${kind} AND payload_hash = ${payloadHash}`,
);

const selectByCode = defineStatement<{ code: string }, PrivacyRequestRow>(
  'privacy_request_by_code',
  ({ code }) => sql`SELECT ${COLUMNS} FROM privacy_request WHERE confirmation_code = ${code}`,
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
    sql`UPDATE privacy_request SET completed_at = ${completedAt}, meta_user_id = NULL WHERE id = ${id} AND completed_at IS NULL`,
);

/** The stored request; null where this payload was received before. */
export async function insertPrivacyRequest(
  executor: SqlExecutor,
  request: PrivacyRequestInsert,
): Promise<PrivacyRequest | null> {
  return first(await executor.rows(insertRequest(request)));
}

export async function findPrivacyRequestByPayload(
  executor: SqlExecutor,
  kind: PrivacyRequestKind,
  payloadHash: Buffer,
): Promise<PrivacyRequest | null> {
  return first(await executor.rows(selectByPayload({ kind, payloadHash })));
}

export async function findPrivacyRequestByCode(executor: SqlExecutor, code: string): Promise<PrivacyRequest | null> {
  return first(await executor.rows(selectByCode({ code })));
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

/** Completes a request and removes the user's id from it. False where it was completed before. */
export async function completePrivacyRequest(
  executor: SqlExecutor,
  id: PrivacyRequestId,
  completedAt: Date,
): Promise<boolean> {
  return (await executor.run(updateCompleted({ id, completedAt }))) === 1;
}

function first(rows: readonly PrivacyRequestRow[]): PrivacyRequest | null {
  const [row] = rows;
  return row === undefined ? null : toPrivacyRequest(row);
}

function toPrivacyRequest(row: PrivacyRequestRow): PrivacyRequest {
  return {
    id: row.id,
    kind: row.kind,
    confirmationCode: row.confirmation_code,
    appIds: row.app_ids,
    metaUserId: row.meta_user_id,
    issuedAt: row.issued_at,
    requestId: row.request_id,
    receivedAt: row.received_at,
    completedAt: row.completed_at,
  };
}
