import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { AuditAction } from '../../audit/audit-action.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import { META_ACTOR } from '../signature-rejections.ts';
import type { SigningApps } from './verify-signed-request.ts';

export type PrivacyRequestKind = 'deauthorize' | 'data_deletion';

/** What Meta asked for in the name of a person. */
export interface PrivacyRequest {
  id: string;
  kind: PrivacyRequestKind;
  /** Null for deauthorizations. */
  confirmationCode: string | null;
  appIds: string[];
  /** Null once it is carried out. */
  metaUserId: string | null;
  issuedAt: Date | null;
  requestId: string | null;
  receivedAt: Date;
  completedAt: Date | null;
}

export interface NewPrivacyRequest {
  kind: PrivacyRequestKind;
  /** The encoded payload, as it was signed. */
  payload: string;
  apps: SigningApps;
  metaUserId: string;
  issuedAt: Date | null;
  requestId: string;
}

interface PrivacyRequestRow {
  id: string;
  kind: PrivacyRequestKind;
  confirmation_code: string | null;
  app_ids: string[];
  meta_user_id: string | null;
  issued_at: Date | null;
  request_id: string | null;
  received_at: Date;
  completed_at: Date | null;
}

const COLUMNS = 'id, kind, confirmation_code, app_ids, meta_user_id, issued_at, request_id, received_at, completed_at';

/** Requests in the name of a person: committed before they are carried out, each payload once for ever. */
@Injectable()
export class PrivacyRequestRepository {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
  ) {}

  /** Commits a request; one whose payload came before is found instead, whatever became of it. */
  async accept(request: NewPrivacyRequest): Promise<PrivacyRequest> {
    const hash = createHash('sha256').update(request.payload).digest();
    return this.database.transaction(async (tx) => {
      const appIds = await this.appIdsOf(tx, request);
      const code = request.kind === 'data_deletion' ? this.random.bytes(16).toString('hex') : null;
      const [made] = await tx.rows<PrivacyRequestRow>({
        text: `INSERT INTO privacy_request (id, kind, payload_hash, confirmation_code, app_ids, meta_user_id, issued_at, request_id, received_at)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (kind, payload_hash) DO NOTHING RETURNING ${COLUMNS}`,
        values: [
          this.ids.next('prq'),
          request.kind,
          hash,
          code,
          appIds,
          request.metaUserId,
          request.issuedAt,
          request.requestId,
          this.clock.now(),
        ],
      });
      if (made === undefined) return this.findExisting(tx, request.kind, hash);
      if (made.kind === 'data_deletion') await this.record(tx, toPrivacyRequest(made), 'data_deletion.requested', {});
      return toPrivacyRequest(made);
    });
  }

  /** By the code that Meta showed to the person. */
  async findByCode(code: string): Promise<PrivacyRequest | null> {
    const [row] = await this.database.rows<PrivacyRequestRow>({
      text: `SELECT ${COLUMNS} FROM privacy_request WHERE confirmation_code = $1`,
      values: [code],
    });
    return row === undefined ? null : toPrivacyRequest(row);
  }

  /** Requests from before `receivedBefore` that are not carried out, the oldest first; those behind `last`, where one is given. */
  async listUnfinished(
    receivedBefore: Date,
    limit: number,
    last: PrivacyRequest | null = null,
  ): Promise<PrivacyRequest[]> {
    const rows = await this.database.rows<PrivacyRequestRow>({
      text: `SELECT ${COLUMNS} FROM privacy_request
        WHERE completed_at IS NULL AND received_at < $1 AND ($3::timestamptz IS NULL OR (received_at, id) > ($3, $4))
        ORDER BY received_at, id LIMIT $2`,
      values: [receivedBefore, limit, last?.receivedAt ?? null, last?.id ?? null],
    });
    return rows.map(toPrivacyRequest);
  }

  /** Ends a request and forgets whom it was about. Whoever ends it first records `details`. */
  async complete(request: PrivacyRequest, details: Record<string, unknown>): Promise<void> {
    await this.database.transaction(async (tx) => {
      const ended = await tx.run({
        text: 'UPDATE privacy_request SET completed_at = $2, meta_user_id = NULL WHERE id = $1 AND completed_at IS NULL',
        values: [request.id, this.clock.now()],
      });
      if (ended === 1 && request.kind === 'data_deletion') {
        await this.record(tx, request, 'data_deletion.completed', details);
      }
    });
  }

  /** The apps that know the user: those that signed, or, where they don't, those that they may sign for. */
  private async appIdsOf(sql: SqlExecutor, { apps, metaUserId }: NewPrivacyRequest): Promise<string[]> {
    if (apps.fallbackAppIds.length === 0) return apps.appIds;
    const known = await sql.rows({
      text: `SELECT 1 FROM connection WHERE app_id = ANY ($1) AND (meta_user_id = $2 OR app_scoped_user_id = $2) LIMIT 1`,
      values: [apps.appIds, metaUserId],
    });
    return known.length > 0 ? apps.appIds : [...apps.appIds, ...apps.fallbackAppIds];
  }

  private async findExisting(tx: Transaction, kind: PrivacyRequestKind, hash: Buffer): Promise<PrivacyRequest> {
    const [row] = await tx.rows<PrivacyRequestRow>({
      text: `SELECT ${COLUMNS} FROM privacy_request WHERE kind = $1 AND payload_hash = $2`,
      values: [kind, hash],
    });
    if (row === undefined) throw new Error('a request that was there is gone');
    return toPrivacyRequest(row);
  }

  private record(
    tx: Transaction,
    request: PrivacyRequest,
    action: AuditAction,
    details: Record<string, unknown>,
  ): Promise<void> {
    return this.audit.record(tx, {
      action,
      actor: META_ACTOR,
      subjectId: request.id,
      requestId: request.requestId,
      details,
    });
  }
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
