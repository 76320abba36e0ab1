import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Batcher } from '../../database/batcher.ts';
import { Database } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SecretId } from '../../vault/ids.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import type { SealContext } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import type { CredentialId } from '../ids.ts';
import { toStoredFacts } from '../status/inspected-connection.repository.ts';
import { makePageCredentialsDue } from './credential.repository.ts';
import { credentialKindRules } from './credential-kind-rules.ts';
import type { ClaimedCredential } from './credential-snapshot.ts';
import { promotionRecords, type VerifiedVersion } from './promotion-records.ts';
import {
  insertPendingVersions,
  type PromotedVersionRow,
  promotePendingVersions,
  type StoredVersionRow,
} from './renewal-batch.repository.ts';

/** A token from Meta to be stored as the pending version of a credential. */
export interface RefreshedToken {
  credential: ClaimedCredential;
  token: SecretString;
  context: SealContext;
  reported: { expiresAt: Date | null; scopes: string[] | null };
}

/** An inspected pending version that is to serve. */
export interface RefreshedVersion {
  credential: ClaimedCredential;
  verified: VerifiedVersion;
  nextRefreshAt: Date | null;
  nextCheckAt: Date;
}

/** Two statements of a kind under way, so that a slow one does not hold up the rest. */
const BATCH = { maxSize: 64, maxInFlight: 2 };

/**
 * Joins the writes of renewals that are under way at the same time: a sweep renews up to 32 tokens of an app at once.
 * A batch does what it can without waiting for anybody. False: nothing was written for this one, because its row was
 * locked, its claim lost, its connection not active, or the batch failed; the caller then does it alone, and learns
 * which.
 */
@Injectable()
export class RenewalBatches {
  readonly #stores = new Batcher<RefreshedToken, boolean>(
    (inputs) => this.attempt(inputs, (all) => this.store(all)),
    BATCH,
  );
  readonly #promotions = new Batcher<RefreshedVersion, boolean>(
    (inputs) => this.attempt(inputs, (all) => this.promoteAll(all)),
    BATCH,
  );

  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Seals and commits a token as the pending version of its credential. Never rejects. */
  storePending(token: RefreshedToken): Promise<boolean> {
    return this.#stores.submit(token);
  }

  /** Makes a pending version serve and ends its claim, with audit entry and event. Never rejects. */
  promote(version: RefreshedVersion): Promise<boolean> {
    return this.#promotions.submit(version);
  }

  private async attempt<T extends { credential: ClaimedCredential }>(
    inputs: readonly T[],
    work: (inputs: readonly T[]) => Promise<ReadonlySet<CredentialId>>,
  ): Promise<boolean[]> {
    try {
      const done = await work(inputs);
      return inputs.map(({ credential }) => done.has(credential.id));
    } catch (error) {
      this.logger.warn(
        { err: error, count: inputs.length },
        'a batch of renewals could not be written: one by one now',
      );
      return inputs.map(() => false);
    }
  }

  private store(inputs: readonly RefreshedToken[]): Promise<ReadonlySet<CredentialId>> {
    return this.database.durably(() =>
      this.database.longRunning.transaction(async (tx) => {
        const secretIds = await this.vault.putAll(
          tx,
          inputs.map(({ token, context }) => ({ secret: token, context })),
        );
        const rows = inputs.map((input, index) => this.toStoredRow(input, secretIds[index] as SecretId));
        const stored = await insertPendingVersions(tx, rows, this.clock.now());
        await this.vault.destroy(
          tx,
          rows.filter(({ id }) => !stored.has(id)).map(({ secret_id }) => secret_id),
        );
        return stored;
      }),
    );
  }

  private toStoredRow({ credential, token, reported }: RefreshedToken, secretId: SecretId): StoredVersionRow {
    return {
      id: credential.id,
      claim_id: credential.claimId,
      version: credential.version,
      secret_id: secretId,
      token_hash: `\\x${this.ring.blindIndex(token.expose()).toString('hex')}`,
      reported_expires_at: reported.expiresAt,
      reported_scopes: reported.scopes,
    };
  }

  private promoteAll(inputs: readonly RefreshedVersion[]): Promise<ReadonlySet<CredentialId>> {
    return this.database.longRunning.transaction(async (tx) => {
      const now = this.clock.now();
      const rows = inputs.map((input) => toPromotedRow(input, now));
      const promoted = await promotePendingVersions(tx, rows, now);
      const done = inputs.filter(({ credential }) => promoted.has(credential.id));
      const deriving = done.filter(({ credential }) => credentialKindRules(credential.kind).derivesPageTokens);
      await makePageCredentialsDue(
        tx,
        deriving.map(({ credential }) => credential.connectionId),
        now,
      );
      const records = done.map((input) => promotionRecords({ ...input, isRotation: false, connection: null }));
      await this.audit.recordAll(
        tx,
        records.flatMap(({ entries }) => entries),
      );
      await this.outbox.addAll(
        tx,
        records.map(({ event }) => event),
      );
      return promoted;
    });
  }
}

function toPromotedRow(
  { credential, verified, nextRefreshAt, nextCheckAt }: RefreshedVersion,
  now: Date,
): PromotedVersionRow {
  const { lostScopes, missingScopes, scopes, dataAccessExpiresAt } = verified;
  const facts = toStoredFacts({ scopes, lostScopes, missingScopes, dataAccessExpiresAt, now });
  return {
    id: credential.id,
    claim_id: credential.claimId,
    version: credential.version,
    connection_id: credential.connectionId,
    is_root: credential.isRoot,
    lost_scopes: lostScopes,
    missing_reason: facts.missingReason,
    are_scopes_known: facts.areScopesKnown,
    is_data_access_known: facts.isDataAccessKnown,
    new_data_access: facts.dataAccessExpiresAt,
    new_notice_due: facts.noticeDueAt,
    new_scopes: scopes,
    new_issued: verified.issuedAt,
    new_expiry: verified.expiresAt,
    next_refresh: nextRefreshAt,
    next_check: nextCheckAt,
    known_refresh_after: credential.refreshAfter,
    known_check_due: credential.checkDueAt,
  };
}
