import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Batcher } from '../../database/batcher.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import type { SealContext, SealedSecret } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import type { CredentialId } from '../ids.ts';
import { toStoredFacts } from '../status/inspected-connection.repository.ts';
import { makePageCredentialsDue } from './credential.repository.ts';
import { credentialKindRules } from './credential-kind-rules.ts';
import { type ClaimedCredential, ownClaimOf } from './credential-snapshot.ts';
import { promotionRecords, type VerifiedVersion } from './promotion-records.ts';
import {
  insertPendingVersions,
  MAX_RENEWALS,
  type PromotedVersion,
  promotePendingVersions,
  type StoredVersion,
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

/**
 * A second statement of a kind starts only for many, so that a slow one does not hold them up: two of half the size
 * cost nearly twice as much.
 */
export const RENEWAL_BATCH = { maxSize: MAX_RENEWALS, maxInFlight: 2, minBesides: 16 };

/**
 * Batches the writes of renewals that run at the same time: a sweep renews up to 64 tokens of an app at once. A batch
 * does what it can without waiting for locks, except those of Pages that it makes due. False: nothing was written for
 * this one, because its row was locked, its claim lost, its connection not active, or the batch failed; the caller then
 * writes it alone, and learns which.
 */
@Injectable()
export class RenewalBatches {
  readonly #stores = new Batcher<RefreshedToken, boolean>(
    (inputs) => this.attempt(inputs, (all) => this.store(all)),
    RENEWAL_BATCH,
  );
  readonly #promotions = new Batcher<RefreshedVersion, boolean>(
    (inputs) => this.attempt(inputs, (all) => this.promoteAll(all)),
    RENEWAL_BATCH,
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
    const secrets = inputs.map(({ token, context }) => ({ secret: token, context }));
    const storeSealed = (sealed: SealedSecret[]): Promise<ReadonlySet<CredentialId> | null> => {
      const versions = inputs.map((input, index) => this.toStoredVersion(input, sealed[index] as SealedSecret));
      return insertPendingVersions(this.database.longRunning, versions, this.clock.now());
    };
    return this.database.durably(() => this.vault.sealAll(secrets, storeSealed));
  }

  private toStoredVersion({ credential, token, reported }: RefreshedToken, sealed: SealedSecret): StoredVersion {
    return {
      ...ownClaimOf(credential),
      sealed,
      tokenHash: this.ring.blindIndex(token.expose()),
      reportedExpiresAt: reported.expiresAt,
      reportedScopes: reported.scopes,
    };
  }

  private promoteAll(inputs: readonly RefreshedVersion[]): Promise<ReadonlySet<CredentialId>> {
    const promote = async (tx: Transaction): Promise<ReadonlySet<CredentialId>> => {
      const now = this.clock.now();
      const versions = inputs.map((input) => toPromotedVersion(input, now));
      const promoted = await promotePendingVersions(tx, versions, now);
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
    };
    return this.database.longRunning.transaction(promote, { readsByKey: true });
  }
}

function toPromotedVersion(
  { credential, verified, nextRefreshAt, nextCheckAt }: RefreshedVersion,
  now: Date,
): PromotedVersion {
  const { lostScopes, missingScopes, scopes, issuedAt, expiresAt, dataAccessExpiresAt } = verified;
  const facts = toStoredFacts({ scopes, lostScopes, missingScopes, dataAccessExpiresAt, now });
  const { connectionId, isRoot, refreshAfter, checkDueAt } = credential;
  return {
    ...facts,
    ...ownClaimOf(credential),
    connectionId,
    isRoot,
    issuedAt,
    expiresAt,
    nextRefreshAt,
    nextCheckAt,
    refreshAfter,
    checkDueAt,
  };
}
