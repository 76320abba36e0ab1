import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { isUserKnown } from '../../connections/connection/user-connections.query.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import { META_ACTOR } from '../signature-rejections.ts';
import {
  completePrivacyRequest,
  findPrivacyRequestByCode,
  findPrivacyRequestByPayload,
  insertPrivacyRequest,
  listUnfinishedPrivacyRequests,
  type PrivacyRequest,
  type PrivacyRequestKind,
} from './privacy-request.repository.ts';
import type { SigningApps } from './verify-signed-request.ts';

interface NewPrivacyRequest {
  kind: PrivacyRequestKind;
  /** The encoded payload, as it was signed. */
  payload: string;
  apps: SigningApps;
  metaUserId: string;
  issuedAt: Date | null;
  requestId: string;
}

/** Requests on behalf of users: committed before they are processed, each payload once. */
@Injectable()
export class PrivacyRequestService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
  ) {}

  /** Commits a request. For a payload that was received before: the earlier request, completed or not. */
  async accept(request: NewPrivacyRequest): Promise<PrivacyRequest> {
    const { kind, metaUserId, issuedAt, requestId } = request;
    const payloadHash = createHash('sha256').update(request.payload).digest();
    return this.database.transaction(async (tx) => {
      const created = await insertPrivacyRequest(tx, {
        id: this.ids.next('prq'),
        kind,
        payloadHash,
        confirmationCode: kind === 'data_deletion' ? this.random.bytes(16).toString('hex') : null,
        appIds: await this.appIdsOf(tx, request),
        metaUserId,
        issuedAt,
        requestId,
        receivedAt: this.clock.now(),
      });
      if (created === null) return this.getExisting(tx, kind, payloadHash);
      if (kind === 'data_deletion') await this.record(tx, created, 'data_deletion.requested', {});
      return created;
    });
  }

  /** By the code that Meta showed to the user. */
  findByCode(code: string): Promise<PrivacyRequest | null> {
    return findPrivacyRequestByCode(this.database, code);
  }

  /** Requests received before `receivedBefore` that are not completed, the oldest first; those after `last`, where it is given. */
  listUnfinished(receivedBefore: Date, limit: number, last: PrivacyRequest | null = null): Promise<PrivacyRequest[]> {
    return listUnfinishedPrivacyRequests(this.database, receivedBefore, limit, last);
  }

  /** Completes a request and removes the user's id from it. Whoever completes it first records `details`. */
  async complete(request: PrivacyRequest, details: Record<string, unknown>): Promise<void> {
    await this.database.transaction(async (tx) => {
      const isFirst = await completePrivacyRequest(tx, request.id, this.clock.now());
      if (isFirst && request.kind === 'data_deletion')
        await this.record(tx, request, 'data_deletion.completed', details);
    });
  }

  /** The apps that know the user: those that signed, or, where they don't, those that they may sign for. */
  private async appIdsOf(executor: SqlExecutor, { apps, metaUserId }: NewPrivacyRequest): Promise<string[]> {
    const { appIds, fallbackAppIds } = apps;
    if (fallbackAppIds.length === 0 || (await isUserKnown(executor, { appIds, metaUserId }))) return appIds;
    return [...appIds, ...fallbackAppIds];
  }

  private async getExisting(tx: Transaction, kind: PrivacyRequestKind, payloadHash: Buffer): Promise<PrivacyRequest> {
    const existing = await findPrivacyRequestByPayload(tx, kind, payloadHash);
    if (existing === null) throw new Error('a privacy request that conflicted on insert does not exist');
    return existing;
  }

  private record(
    tx: Transaction,
    request: PrivacyRequest,
    action: 'data_deletion.requested' | 'data_deletion.completed',
    details: Record<string, unknown>,
  ): Promise<void> {
    const { id: subjectId, requestId } = request;
    return this.audit.record(tx, { action, actor: META_ACTOR, subjectId, requestId, details });
  }
}
