import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { HOUR_SECONDS } from '../../platform/duration.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { Vault } from '../../vault/vault.ts';
import { ClaimLostError, requireClaim } from '../claim-lost-error.ts';
import { type RefreshedConnection, updateRefreshedConnection } from '../status/inspected-connection.repository.ts';
import { lockClaim } from './claimed-credential.repository.ts';
import { makePageCredentialsDue } from './credential.repository.ts';
import { credentialKindRules } from './credential-kind-rules.ts';
import { computeRefreshAfter, nextCheckAt } from './credential-schedule.ts';
import {
  type ClaimedCredential,
  type CredentialSnapshot,
  ownClaimOf,
  type PendingVersion,
  type VersionOrigin,
} from './credential-snapshot.ts';
import {
  deletePendingVersion,
  deleteSupersededVersions,
  insertPendingVersion,
  type PromotionParameters,
  promotePendingVersion,
  promoteRotatedVersion,
} from './credential-version.repository.ts';
import { type Promotion, promotionRecords, type VerifiedVersion } from './promotion-records.ts';
import { RenewalBatches } from './renewal-batches.ts';
import { credentialContext } from './seal-contexts.ts';
import { insertTokenRevocation, queueOwnPendingVersion } from './superseded-token.repository.ts';

/**
 * The serving version was rotated. `waitsForLeases`: revoke the old token once the leases that handed it out end, else
 * at once.
 */
export interface RotationPromotion {
  waitsForLeases: boolean;
}

/** When the version that now serves is refreshed and inspected next. */
interface PlannedDates {
  nextRefreshAt: Date | null;
  nextCheckAt: Date;
}

/** Versions of a credential: one serves, one may be pending, and earlier ones are kept for a while. */
@Injectable()
export class CredentialVersionService {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly batches: RenewalBatches,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly config: Config,
  ) {}

  /** The serving token; null: destroyed. Throws `DecryptionError`. */
  async openCurrent(credential: CredentialSnapshot): Promise<SecretString | null> {
    if (credential.sealed === null) return null;
    return this.vault.open(credential.sealed, contextOf(credential, credential.version));
  }

  /** The pending version's token. Throws `DecryptionError`, also if it is gone. */
  async openPending(credential: CredentialSnapshot, pending: PendingVersion): Promise<SecretString> {
    if (pending.sealed === null) throw new DecryptionError(`${credential.id}/${pending.version}`);
    return this.vault.open(pending.sealed, contextOf(credential, pending.version));
  }

  /** Compares two tokens by their blind index. */
  isSameToken(a: SecretString, b: SecretString): boolean {
    return this.ring.blindIndex(a.expose()).equals(this.ring.blindIndex(b.expose()));
  }

  /**
   * Seals a token from Meta and commits it before the next call to Meta. Throws `ClaimLostError` and stores nothing if
   * the claim was lost.
   */
  async storePending(
    credential: ClaimedCredential,
    token: SecretString,
    reported: { expiresAt: Date | null; scopes: string[] | null },
    origin: VersionOrigin = 'refresh',
  ): Promise<void> {
    const version = credential.version + 1;
    const context = contextOf(credential, version);
    // A generated token that is not stored is revoked: there must be no doubt whether it was.
    if (origin === 'refresh' && (await this.batches.storePending({ credential, token, context, reported }))) return;
    const store = async (tx: Transaction): Promise<void> => {
      const secretId = await this.vault.put(tx, token, context);
      const stored = await insertPendingVersion(tx, {
        ...ownClaimOf(credential),
        secretId,
        tokenHash: this.ring.blindIndex(token.expose()),
        ...reported,
        origin,
        now: this.clock.now(),
      });
      requireClaim(stored, `credential ${credential.id}`);
    };
    await this.database.durably(() => this.database.longRunning.transaction(store));
  }

  /** Destroys a pending version that failed validation. Throws `ClaimLostError`. */
  async discardPending(credential: ClaimedCredential): Promise<void> {
    await this.database.longRunning.transaction(async (tx) => {
      if (!(await lockClaim(tx, ownClaimOf(credential)))) throw new ClaimLostError(`credential ${credential.id}`);
      await this.vault.destroy(tx, await deletePendingVersion(tx, credential.id, credential.version + 1));
    });
  }

  /**
   * Queues a token generated for a rotation, which will not serve, for revocation at Meta. Throws `ClaimLostError`,
   * also if nothing is pending.
   */
  async revokePending(credential: ClaimedCredential): Promise<void> {
    const queued = await queueOwnPendingVersion(this.database, ownClaimOf(credential), this.clock.now());
    requireClaim(queued, `credential ${credential.id}`);
  }

  /** Same for a generated token that could not be stored because the claim was lost. Needs no claim. */
  async revokeUnstored(credential: ClaimedCredential, token: SecretString): Promise<void> {
    const version = credential.version + 1;
    const { tenant, product, connectionId, id: credentialId, appId, kind } = credential;
    await this.database.longRunning.transaction(async (tx) => {
      const secretId = await this.vault.put(tx, token, contextOf(credential, version));
      const tokenHash = this.ring.blindIndex(token.expose());
      const of = { tenant, product, connectionId, credentialId, appId, kind, version, tokenHash };
      await insertTokenRevocation(tx, { ...of, secretId, now: this.clock.now() });
    });
  }

  /**
   * Makes the verified pending version serve (compare-and-set on claim and version) and ends the claim. The old one
   * stays as `previous` or, after a rotation, is queued for revocation. Makes dependent Page tokens due. Audit entry
   * and event share the transaction. Throws `ClaimLostError` and writes nothing if the claim was lost or the connection
   * revoked.
   */
  async promote(
    credential: ClaimedCredential,
    verified: VerifiedVersion,
    rotation: RotationPromotion | null = null,
  ): Promise<void> {
    const now = this.clock.now();
    const dates = this.planNext(credential, verified, now);
    if (rotation === null && (await this.batches.promote({ credential, verified, ...dates }))) return;
    await this.database.longRunning.transaction(async (tx) => {
      // Connection first, in the lock order of connecting and revoking.
      const connection = credential.isRoot ? await this.updateConnection(tx, credential, verified, now) : null;
      await this.replaceServingVersion(tx, credential, verified, { rotation, now, ...dates });
      if (credentialKindRules(credential.kind).derivesPageTokens)
        await makePageCredentialsDue(tx, [credential.connectionId], now);
      await this.record(tx, { credential, verified, isRotation: rotation !== null, connection });
    });
  }

  /** Destroys previous versions whose successor is in use or that are an hour old. Returns how many. */
  async destroySupersededVersions(limit: number): Promise<number> {
    return this.database.longRunning.transaction(async (tx) => {
      const createdBefore = addSeconds(this.clock.now(), -PREVIOUS_VERSION_RETENTION_SECONDS);
      const secretIds = await deleteSupersededVersions(tx, createdBefore, limit);
      await this.vault.destroy(tx, secretIds);
      return secretIds.length;
    });
  }

  private planNext({ kind }: ClaimedCredential, { issuedAt, expiresAt }: VerifiedVersion, now: Date): PlannedDates {
    return {
      nextRefreshAt: computeRefreshAfter({ kind, issuedAt, storedAt: now, expiresAt }, this.config),
      nextCheckAt: nextCheckAt(now, this.random.fraction()),
    };
  }

  private async updateConnection(
    tx: Transaction,
    { connectionId }: ClaimedCredential,
    { scopes, lostScopes, missingScopes, dataAccessExpiresAt }: VerifiedVersion,
    now: Date,
  ): Promise<RefreshedConnection> {
    const facts = { scopes, lostScopes, missingScopes, dataAccessExpiresAt, now };
    const connection = await updateRefreshedConnection(tx, connectionId, facts);
    if (connection === null) throw new ClaimLostError(`connection ${connectionId}`);
    return connection;
  }

  private async replaceServingVersion(
    tx: Transaction,
    credential: ClaimedCredential,
    { scopes, issuedAt, expiresAt }: VerifiedVersion,
    { rotation, now, ...dates }: { rotation: RotationPromotion | null; now: Date } & PlannedDates,
  ): Promise<void> {
    const promotion: PromotionParameters = {
      ...ownClaimOf(credential),
      scopes,
      issuedAt,
      expiresAt,
      ...dates,
      now,
      refreshAfter: credential.refreshAfter,
      checkDueAt: credential.checkDueAt,
      endsRotation: rotation !== null,
    };
    const promoted =
      rotation === null
        ? await promotePendingVersion(tx, promotion)
        : await promoteRotatedVersion(tx, {
            ...promotion,
            waitsForLeases: rotation.waitsForLeases,
            revocationDueAt: rotation.waitsForLeases ? addSeconds(now, LEASES_UNDER_WAY_SECONDS) : now,
          });
    requireClaim(promoted, `credential ${credential.id}`);
  }

  private async record(tx: Transaction, promotion: Promotion): Promise<void> {
    const { entries, event } = promotionRecords(promotion);
    for (const entry of entries) await this.audit.record(tx, entry);
    await this.outbox.add(tx, event);
  }
}

const PREVIOUS_VERSION_RETENTION_SECONDS = HOUR_SECONDS;
/** By then, leases being issued when the version changed have been committed. */
const LEASES_UNDER_WAY_SECONDS = 60;

function contextOf(credential: CredentialSnapshot, version: number): ReturnType<typeof credentialContext> {
  return credentialContext({
    tenant: credential.tenant,
    connectionId: credential.connectionId,
    credentialId: credential.id,
    kind: credential.kind,
    version,
  });
}
