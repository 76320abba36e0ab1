import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import type { Transaction } from '../../database/database.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SecretId } from '../../vault/ids.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { Vault } from '../../vault/vault.ts';
import { placeOf } from '../connection-place.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { deleteCredentials, deleteCredentialsExcept, detachSecrets } from './credential.repository.ts';
import {
  type GrantedRow,
  type GrantedToCredential,
  lockCredentialsForGrant,
  upsertGrantedCredentials,
} from './credential-grant.repository.ts';
import type { CredentialKind } from './credential-kind.ts';
import { computeRefreshAfter, firstCheckAt, type RefreshSettings } from './credential-schedule.ts';
import { deletePendingVersions, keepServingVersions } from './credential-version.repository.ts';
import { credentialContext } from './seal-contexts.ts';
import {
  deleteTokenRevocationsOfConnection,
  deleteTokenRevocationsOfTokens,
  queuePendingRotations,
  queueServingVersions,
} from './superseded-token.repository.ts';

/** An inspected token for a connection. */
export interface GrantedCredential {
  kind: CredentialKind;
  /** The Meta user, system user, or Page of the token. */
  subjectId: string;
  subjectName: string | null;
  token: SecretString;
  scopes: string[];
  issuedAt: Date | null;
  /** Null: never (or unknown, for Instagram and Threads). */
  expiresAt: Date | null;
}

export interface CredentialOwner {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  appId: string;
}

interface GrantOptions {
  isRoot: boolean;
  /** The actor for the audit entries. */
  by: { actor: Actor; requestId: string | null };
  now: Date;
  settings: RefreshSettings;
}

/** Tokens sealed and stored per statement: a user may have thousands of Pages. */
const BATCH = 250;

/** Writes credentials and their sealed versions within a transaction of the connection. */
@Injectable()
export class CredentialWriter {
  constructor(
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly ids: Ids,
    private readonly random: Random,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Makes newly granted tokens the serving versions of their credentials, new or existing; returns the credentials' ids
   * in the same order. A refresh under way loses its claim and pending version, because the grant is newer. Replaced
   * versions stay as `previous` for requests still using them. Duplicate subjects count once.
   */
  async grant(
    tx: Transaction,
    owner: CredentialOwner,
    granted: readonly GrantedCredential[],
    options: GrantOptions,
  ): Promise<CredentialId[]> {
    const ids: CredentialId[] = [];
    for (let start = 0; start < granted.length; start += BATCH)
      ids.push(...(await this.grantBatch(tx, owner, granted.slice(start, start + BATCH), options)));
    return ids;
  }

  private async grantBatch(
    tx: Transaction,
    owner: CredentialOwner,
    granted: readonly GrantedCredential[],
    { isRoot, by, now, settings }: GrantOptions,
  ): Promise<CredentialId[]> {
    const existing = new Map(
      (await lockCredentialsForGrant(tx, owner.connectionId, granted)).map((row) => [keyOf(row), row]),
    );
    const distinct = [...new Map(granted.map((one) => [keyOf(one), one])).values()];
    const targets = distinct.map((one) => {
      const found = existing.get(keyOf(one));
      return { one, credentialId: found?.id ?? this.ids.next('crd'), version: (found?.version ?? 0) + 1 };
    });
    const secretIds = await this.vault.putAll(
      tx,
      targets.map(({ one, credentialId, version }) => ({
        secret: one.token,
        context: credentialContext({ ...owner, credentialId, kind: one.kind, version }),
      })),
    );
    const tokenHashes = targets.map(({ one }) => this.ring.blindIndex(one.token.expose()));
    const granting = targets.map(({ one }, index) => [keyOf(one), tokenHashes[index]] as const);
    await this.retireServingVersions(tx, [...existing.values()], new Map(granting), now);
    await this.vault.destroy(tx, await deleteTokenRevocationsOfTokens(tx, tokenHashes));
    const rows = targets.map(({ one: { token: _token, ...facts }, credentialId, version }, index): GrantedRow => {
      return {
        ...facts,
        credentialId,
        isRoot,
        version,
        secretId: secretIds[index] as SecretId,
        tokenHash: tokenHashes[index] as Buffer,
        refreshAfter: computeRefreshAfter({ ...facts, storedAt: now }, settings),
        checkDueAt: firstCheckAt(now, this.random.fraction()),
      };
    });
    await upsertGrantedCredentials(tx, { ...owner, now }, rows);
    await this.recordNewVersions(tx, owner, rows, by);
    const idByKey = new Map(targets.map(({ one, credentialId }) => [keyOf(one), credentialId]));
    return granted.map((one) => idByKey.get(keyOf(one)) as CredentialId);
  }

  /** Audits every version but the first, which no older one could replace. */
  private async recordNewVersions(
    tx: Transaction,
    owner: CredentialOwner,
    rows: readonly GrantedRow[],
    by: GrantOptions['by'],
  ): Promise<void> {
    await this.audit.recordAll(
      tx,
      rows
        .filter(({ version }) => version > 1)
        .map(({ credentialId, kind, version }) => {
          const details = { kind, version };
          return { ...placeOf(owner), ...by, action: 'credential.granted', subjectId: credentialId, details };
        }),
    );
  }

  /** Removes these credentials, except roots, and destroys their tokens. No asset may still refer to them. */
  async remove(tx: Transaction, ids: CredentialId[]): Promise<void> {
    if (ids.length > 0) await this.vault.destroy(tx, await deleteCredentials(tx, ids));
  }

  /** Removes a connection's credentials not in `keep` and destroys their tokens. */
  async removeExcept(tx: Transaction, connectionId: ConnectionId, keep: CredentialId[], now: Date): Promise<void> {
    await this.vault.destroy(tx, await deleteCredentialsExcept(tx, connectionId, keep, now));
  }

  /** Destroys all of a connection's tokens except `except` and ends all claims. */
  async destroyAll(tx: Transaction, connectionId: ConnectionId, except: SecretId | null, now: Date): Promise<void> {
    const secretIds = await detachSecrets(tx, connectionId, now);
    await this.vault.destroy(
      tx,
      secretIds.filter((id) => id !== except),
    );
  }

  /** Destroys tokens queued for revocation, because Meta has already ended them all. */
  async forgetTokensToRevoke(tx: Transaction, connectionId: ConnectionId): Promise<void> {
    await this.vault.destroy(tx, await deleteTokenRevocationsOfConnection(tx, connectionId));
  }

  /**
   * Serving versions become `previous`, or are queued for revocation if their rotation was requested and another token
   * replaces them (`granting`: the new token's hash per credential). Pending versions were never used: they are
   * destroyed, or queued for revocation if from a rotation.
   */
  private async retireServingVersions(
    tx: Transaction,
    existing: readonly GrantedToCredential[],
    granting: ReadonlyMap<string, Buffer | undefined>,
    now: Date,
  ): Promise<void> {
    if (existing.length === 0) return;
    const ids = existing.map(({ id }) => id);
    await queuePendingRotations(tx, ids, now);
    await this.vault.destroy(tx, await deletePendingVersions(tx, ids));
    const isToBeRevoked = (one: GrantedToCredential): boolean => {
      const next = granting.get(keyOf(one));
      return one.isRotationRequested && one.tokenHash !== null && next !== undefined && !one.tokenHash.equals(next);
    };
    const revoked = existing.filter(isToBeRevoked).map(({ id }) => id);
    if (revoked.length > 0) await queueServingVersions(tx, revoked, now);
    await keepServingVersions(
      tx,
      ids.filter((id) => !revoked.includes(id)),
      now,
    );
  }
}

function keyOf({ kind, subjectId }: Pick<GrantedCredential, 'kind' | 'subjectId'>): string {
  return `${kind} ${subjectId}`;
}
