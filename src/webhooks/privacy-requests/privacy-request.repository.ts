import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { Transaction } from '../../database/database.ts';
import { RowMacs } from '../../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SecretId } from '../../vault/ids.ts';
import type { PrivacyRequestId } from '../ids.ts';
import { PRIVACY_REQUEST_MAC, type PrivacyRequestKind, type PrivacyRequestRow } from './privacy-request-mac.ts';

/** What Meta requested on a user's behalf. */
export interface PrivacyRequest {
  id: PrivacyRequestId;
  kind: PrivacyRequestKind;
  appIds: string[];
  /** The user's sealed Meta id; null once completed, or if an earlier release stored the request. */
  userSecretId: SecretId | null;
  /** Set only by an earlier release. */
  plainUserId: string | null;
  /** Set only by an earlier release. */
  plainConfirmationCode: string | null;
  /** Keyed hash; null for deauthorizations. */
  codeHash: Buffer | null;
  issuedAt: Date | null;
  requestId: string | null;
  receivedAt: Date;
  completedAt: Date | null;
}

interface NewPrivacyRequestRow
  extends Pick<PrivacyRequest, 'id' | 'kind' | 'appIds' | 'issuedAt' | 'requestId' | 'receivedAt'> {
  /** Keyed hash of the payload as signed. */
  payloadHash: Buffer;
  /** Keyed hash; null for deauthorizations. */
  codeHash: Buffer | null;
  userSecretId: SecretId;
}

export interface PrivacyRequestPosition {
  receivedAt: Date;
  id: PrivacyRequestId;
}

export interface PrivacyRequestPage {
  requests: PrivacyRequest[];
  /** Where the next page starts; null: last page. */
  next: PrivacyRequestPosition | null;
}

type StoredRow = PrivacyRequestRow & { mac: Buffer | null };

const COLUMNS = sql`id, kind, payload_hash, code_hash, app_ids, user_secret_id, meta_user_id, confirmation_code, issued_at,
  request_id, received_at, completed_at, is_hashed, mac`;

const insertRequest = defineStatement<PrivacyRequestRow & { mac: Buffer }, StoredRow>(
  'privacy_request_insert',
  (row) => sql`INSERT INTO privacy_request
      (id, kind, payload_hash, code_hash, app_ids, user_secret_id, issued_at, request_id, received_at, is_hashed, mac)
    VALUES (${row.id}, ${row.kind}, ${row.payload_hash}, ${row.code_hash}, ${row.app_ids}, ${row.user_secret_id},
      ${row.issued_at}, ${row.request_id}, ${row.received_at}, ${row.is_hashed}, ${row.mac})
    ON CONFLICT (kind, payload_hash) DO NOTHING RETURNING ${COLUMNS}`,
);

const selectByPayload = defineStatement<{ kind: PrivacyRequestKind; payloadHashes: Buffer[] }, StoredRow>(
  'privacy_request_by_payload',
  ({ kind, payloadHashes }) =>
    sql`SELECT ${COLUMNS} FROM privacy_request WHERE kind = ${kind} AND payload_hash = ANY (${payloadHashes}::bytea[])
      ORDER BY received_at`,
);

const deleteRequest = defineStatement<{ id: PrivacyRequestId }>(
  'privacy_request_delete',
  ({ id }) => sql`DELETE FROM privacy_request WHERE id = ${id}`,
);

const selectByCode = defineStatement<{ codeHash: Buffer; code: string }, StoredRow>(
  'privacy_request_by_code',
  ({ codeHash, code }) =>
    sql`SELECT ${COLUMNS} FROM privacy_request WHERE code_hash = ${codeHash} OR confirmation_code = ${code}`,
);

const selectUnfinished = defineStatement<
  { receivedBefore: Date; limit: number; lastReceivedAt: Date | null; lastId: string | null },
  StoredRow
>(
  'privacy_request_unfinished',
  ({ receivedBefore, limit, lastReceivedAt, lastId }) => sql`SELECT ${COLUMNS} FROM privacy_request
    WHERE completed_at IS NULL AND received_at < ${receivedBefore}
      AND (${lastReceivedAt}::timestamptz IS NULL OR (received_at, id) > (${lastReceivedAt}::timestamptz, ${lastId}::text))
    ORDER BY received_at, id LIMIT ${limit}`,
);

const lockRequest = defineStatement<{ id: PrivacyRequestId }, StoredRow>(
  'privacy_request_lock',
  ({ id }) => sql`SELECT ${COLUMNS} FROM privacy_request WHERE id = ${id} FOR UPDATE`,
);

const updateCompleted = defineStatement<{ id: PrivacyRequestId; completedAt: Date; mac: Buffer }>(
  'privacy_request_complete',
  ({ id, completedAt, mac }) =>
    sql`UPDATE privacy_request SET completed_at = ${completedAt}, meta_user_id = NULL, user_secret_id = NULL, mac = ${mac}
      WHERE id = ${id}`,
);

const lockNotHashed = defineStatement<{ receivedBefore: Date; limit: number }, StoredRow>(
  'privacy_request_not_hashed',
  ({ receivedBefore, limit }) => sql`SELECT ${COLUMNS} FROM privacy_request
    WHERE NOT is_hashed AND completed_at IS NOT NULL AND received_at < ${receivedBefore} ORDER BY received_at LIMIT ${limit}
    FOR UPDATE SKIP LOCKED`,
);

const updateHashed = defineStatement<PrivacyRequestRow & { mac: Buffer }>(
  'privacy_request_hash',
  (row) => sql`UPDATE privacy_request SET is_hashed = ${row.is_hashed}, payload_hash = ${row.payload_hash},
      code_hash = ${row.code_hash}, confirmation_code = ${row.confirmation_code}, mac = ${row.mac} WHERE id = ${row.id}`,
);

/** Rows of privacy requests. Those that fail their integrity check count as absent and are reported. */
@Injectable()
export class PrivacyRequestRepository {
  constructor(private readonly macs: RowMacs) {}

  /** Returns the stored request; null if this payload was received before. Replaces a row that counts as absent. */
  async insert(tx: Transaction, request: NewPrivacyRequestRow): Promise<PrivacyRequest | null> {
    const row = toNewRow(request);
    const insertion = insertRequest({ ...row, mac: this.macs.compute(PRIVACY_REQUEST_MAC, row) });
    const [inserted] = await tx.rows(insertion);
    if (inserted !== undefined) return toPrivacyRequest(inserted);
    const of = { kind: request.kind, payloadHashes: [request.payloadHash] };
    const [present] = await tx.rows(selectByPayload(of));
    if (present === undefined || this.macs.verify(PRIVACY_REQUEST_MAC, present)) return null;
    await tx.run(deleteRequest({ id: present.id }));
    return this.first(await tx.rows(insertion));
  }

  /** `payloadHashes`: all forms the stored hash may have. */
  async findByPayload(
    executor: SqlExecutor,
    kind: PrivacyRequestKind,
    payloadHashes: Buffer[],
  ): Promise<PrivacyRequest | null> {
    return this.first(await executor.rows(selectByPayload({ kind, payloadHashes })));
  }

  async findByCode(executor: SqlExecutor, codeHash: Buffer, code: string): Promise<PrivacyRequest | null> {
    return this.first(await executor.rows(selectByCode({ codeHash, code })));
  }

  /** Unfinished requests received before `receivedBefore`, oldest first, starting after `last` if given. */
  async listUnfinished(
    executor: SqlExecutor,
    receivedBefore: Date,
    limit: number,
    last: PrivacyRequestPosition | null,
  ): Promise<PrivacyRequestPage> {
    const position = { lastReceivedAt: last?.receivedAt ?? null, lastId: last?.id ?? null };
    const rows = await executor.rows(selectUnfinished({ receivedBefore, limit, ...position }));
    const end = rows.length < limit ? undefined : rows.at(-1);
    return {
      requests: this.genuine(rows).map(toPrivacyRequest),
      next: end === undefined ? null : { receivedAt: end.received_at, id: end.id },
    };
  }

  /** Completes a request and removes its user. False: already completed. */
  async complete(tx: Transaction, id: PrivacyRequestId, completedAt: Date): Promise<boolean> {
    const [row] = this.genuine(await tx.rows(lockRequest({ id })));
    if (row === undefined || row.completed_at !== null) return false;
    const completed = { ...row, completed_at: completedAt, meta_user_id: null, user_secret_id: null };
    await tx.run(updateCompleted({ id, completedAt, mac: this.macs.compute(PRIVACY_REQUEST_MAC, completed) }));
    return true;
  }

  /**
   * Replaces what earlier releases stored with hashes, in up to `limit` completed requests received before
   * `receivedBefore`, oldest first.
   */
  async hashEarlierReleases(
    tx: Transaction,
    range: { receivedBefore: Date; limit: number },
    hash: (of: { payloadHash: Buffer; confirmationCode: string | null }) => {
      payloadHash: Buffer;
      codeHash: Buffer | null;
    },
  ): Promise<void> {
    for (const row of this.genuine(await tx.rows(lockNotHashed(range)))) {
      const hashes = hash({ payloadHash: row.payload_hash, confirmationCode: row.confirmation_code });
      const hashed = {
        ...row,
        is_hashed: true,
        payload_hash: hashes.payloadHash,
        code_hash: hashes.codeHash,
        confirmation_code: null,
      };
      await tx.run(updateHashed({ ...hashed, mac: this.macs.compute(PRIVACY_REQUEST_MAC, hashed) }));
    }
  }

  private first(rows: readonly StoredRow[]): PrivacyRequest | null {
    const [row] = this.genuine(rows);
    return row === undefined ? null : toPrivacyRequest(row);
  }

  private genuine(rows: readonly StoredRow[]): StoredRow[] {
    return rows.filter((row) => this.macs.verify(PRIVACY_REQUEST_MAC, row));
  }
}

function toNewRow(request: NewPrivacyRequestRow): PrivacyRequestRow {
  return {
    id: request.id,
    kind: request.kind,
    payload_hash: request.payloadHash,
    code_hash: request.codeHash,
    app_ids: request.appIds,
    user_secret_id: request.userSecretId,
    meta_user_id: null,
    confirmation_code: null,
    issued_at: request.issuedAt,
    request_id: request.requestId,
    received_at: request.receivedAt,
    completed_at: null,
    is_hashed: true,
  };
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
