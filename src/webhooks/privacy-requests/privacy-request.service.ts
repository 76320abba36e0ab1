import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { isUserKnown } from '../../connections/connection/user-connections.query.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { Ids } from '../../platform/ids.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import type { SealContext } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import type { PrivacyRequestId } from '../ids.ts';
import { META_ACTOR } from '../signature-rejections.ts';
import {
  type PrivacyRequest,
  type PrivacyRequestPage,
  type PrivacyRequestPosition,
  PrivacyRequestRepository,
} from './privacy-request.repository.ts';
import type { PrivacyRequestKind } from './privacy-request-mac.ts';
import type { SigningApps } from './verify-signed-request.ts';

interface NewPrivacyRequest {
  kind: PrivacyRequestKind;
  /** The encoded payload as signed. */
  payload: string;
  apps: SigningApps;
  metaUserId: string;
  issuedAt: Date | null;
  requestId: string;
}

/** Older payloads are refused. Includes a margin for clock skew. */
const REPEATABLE_SECONDS = 2 * DAY_SECONDS;

/** A request with the code shown to its user; null for deauthorizations. */
export type AcceptedPrivacyRequest = PrivacyRequest & { confirmationCode: string | null };

/**
 * Requests on behalf of users. Committed before they are processed, each payload once. Stored rows identify no one:
 * payloads and confirmation codes are keyed hashes, and the user's id is sealed and destroyed on completion.
 */
@Injectable()
export class PrivacyRequestService {
  constructor(
    private readonly database: Database,
    private readonly rows: PrivacyRequestRepository,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly ring: KeyRing,
    private readonly vault: Vault,
  ) {}

  /**
   * Commits a request. For a payload received before, returns the earlier request, completed or not, with its answer.
   */
  async accept(request: NewPrivacyRequest): Promise<AcceptedPrivacyRequest> {
    const { kind, payload, issuedAt, requestId } = request;
    const payloadHash = this.payloadHash(sha256(payload));
    const code = kind === 'data_deletion' ? this.codeOf(payload) : null;
    return this.database.transaction(async (tx) => {
      const earlier = await this.findEarlier(kind, payload, tx);
      if (earlier !== null) return earlier;
      const id = this.ids.next('prq');
      const userSecretId = await this.vault.put(tx, new SecretString(request.metaUserId), userContext(id));
      const created = await this.rows.insert(tx, {
        id,
        kind,
        payloadHash,
        codeHash: code === null ? null : this.codeHash(code),
        appIds: await this.appIdsOf(tx, request),
        userSecretId,
        issuedAt,
        requestId,
        receivedAt: this.clock.now(),
      });
      // A concurrent call with the same payload has just committed.
      if (created === null) {
        await this.vault.destroy(tx, [userSecretId]);
        return this.getEarlier(tx, kind, payload);
      }
      if (kind === 'data_deletion') await this.record(tx, created, 'data_deletion.requested', {});
      return { ...created, confirmationCode: code };
    });
  }

  /** The earlier request with this payload, and its answer; null: never received. */
  async findEarlier(
    kind: PrivacyRequestKind,
    payload: string,
    executor: SqlExecutor = this.database,
  ): Promise<AcceptedPrivacyRequest | null> {
    const payloadHash = sha256(payload);
    const hashes = [this.payloadHash(payloadHash), payloadHash];
    const request = await this.rows.findByPayload(executor, kind, hashes);
    if (request === null) return null;
    const code = this.codeOf(payload);
    // Also null if an earlier release generated the code randomly, because only its hash is left.
    const isOfPayload = request.codeHash?.equals(this.codeHash(code)) === true;
    return { ...request, confirmationCode: request.plainConfirmationCode ?? (isOfPayload ? code : null) };
  }

  /** Finds a request by the code that Meta showed its user. */
  findByCode(code: string): Promise<PrivacyRequest | null> {
    return this.rows.findByCode(this.database, this.codeHash(code), code);
  }

  /** The user's Meta id; null once completed. Throws `DecryptionError`. */
  async openUserId({ id, userSecretId, plainUserId }: PrivacyRequest): Promise<string | null> {
    if (userSecretId === null) return plainUserId;
    return (await this.vault.get(this.database, userSecretId, userContext(id)))?.expose() ?? null;
  }

  /** Replaces what earlier releases stored with hashes, once Meta no longer repeats those requests. */
  async hashEarlierReleases(limit: number): Promise<void> {
    const range = { receivedBefore: addSeconds(this.clock.now(), -REPEATABLE_SECONDS), limit };
    await this.database.transaction((tx) =>
      this.rows.hashEarlierReleases(tx, range, ({ payloadHash, confirmationCode }) => ({
        payloadHash: this.payloadHash(payloadHash),
        codeHash: confirmationCode === null ? null : this.codeHash(confirmationCode),
      })),
    );
  }

  /** Unfinished requests received before `receivedBefore`, oldest first, starting after `last` if given. */
  listUnfinished(
    receivedBefore: Date,
    limit: number,
    last: PrivacyRequestPosition | null = null,
  ): Promise<PrivacyRequestPage> {
    return this.rows.listUnfinished(this.database, receivedBefore, limit, last);
  }

  /** Completes a request and destroys its user's id. Audits `details` if it was not completed before. */
  async complete(request: PrivacyRequest, details: Record<string, unknown>): Promise<void> {
    await this.database.transaction(async (tx) => {
      const isFirst = await this.rows.complete(tx, request.id, this.clock.now());
      if (request.userSecretId !== null) await this.vault.destroy(tx, [request.userSecretId]);
      if (isFirst && request.kind === 'data_deletion')
        await this.record(tx, request, 'data_deletion.completed', details);
    });
  }

  /** The apps that know the user: the signers or, failing that, the apps they may sign for. */
  private async appIdsOf(executor: SqlExecutor, { apps, metaUserId }: NewPrivacyRequest): Promise<string[]> {
    const { appIds, fallbackAppIds } = apps;
    if (fallbackAppIds.length === 0 || (await isUserKnown(executor, { appIds, metaUserId }))) return appIds;
    return [...appIds, ...fallbackAppIds];
  }

  private async getEarlier(
    tx: Transaction,
    kind: PrivacyRequestKind,
    payload: string,
  ): Promise<AcceptedPrivacyRequest> {
    const earlier = await this.findEarlier(kind, payload, tx);
    if (earlier === null) throw new Error('a privacy request that conflicted on insert does not exist');
    return earlier;
  }

  /** Keyed, because a payload is little more than an id that others also know. */
  private payloadHash(payloadHash: Buffer): Buffer {
    return this.ring.blindIndex(`signed_request ${payloadHash.toString('hex')}`);
  }

  /**
   * 32 hex digits that only this service can derive from the payload, so a repeat gets the same code without storing
   * it.
   */
  private codeOf(payload: string): string {
    return this.ring.blindIndex(`data deletion of ${sha256(payload).toString('hex')}`).toString('hex', 0, 16);
  }

  private codeHash(code: string): Buffer {
    return this.ring.blindIndex(`data deletion code ${code}`);
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

/** Binds the user's sealed id to its request. */
function userContext(id: PrivacyRequestId): SealContext {
  return ['privacy_request', id];
}

function sha256(payload: string): Buffer {
  return createHash('sha256').update(payload).digest();
}
