import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/database.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SecretId } from '../../vault/ids.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { Vault } from '../../vault/vault.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import {
  deleteCredentialsExcept,
  detachSecrets,
  type GrantedToCredential,
  lockCredentialForGrant,
  upsertGrantedCredential,
} from './credential.repository.ts';
import type { CredentialKind } from './credential-kind.ts';
import { computeRefreshAfter, firstCheckAt, type RefreshSettings } from './credential-schedule.ts';
import { deletePendingVersions, keepServingVersion } from './credential-version.repository.ts';
import { credentialContext } from './seal-contexts.ts';
import {
  deleteTokenRevocationsOfConnection,
  deleteTokenRevocationsOfToken,
  queuePendingRotations,
  queueServingVersion,
} from './superseded-token.repository.ts';

/** A token that was inspected and belongs to a connection. */
export interface GrantedCredential {
  kind: CredentialKind;
  /** The Meta user, system user or page that the token speaks for. */
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
  appId: string;
}

/** Writes credentials and their sealed versions inside a transaction of the connection. */
@Injectable()
export class CredentialWriter {
  constructor(
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly ids: Ids,
    private readonly random: Random,
  ) {}

  /**
   * Makes a fresh authorization's token the serving version of its credential, new or existing; returns the credential's id.
   * A refresh under way loses its claim and its pending version: what the user just granted is newer. The version that
   * served until now stays as `previous`, for requests that are under way with it.
   */
  async grant(
    tx: Transaction,
    owner: CredentialOwner,
    granted: GrantedCredential,
    { isRoot, now, settings }: { isRoot: boolean; now: Date; settings: RefreshSettings },
  ): Promise<CredentialId> {
    const { kind, subjectId, subjectName, scopes, issuedAt, expiresAt } = granted;
    const existing = await lockCredentialForGrant(tx, { connectionId: owner.connectionId, kind, subjectId });
    const credentialId = existing?.id ?? this.ids.next('crd');
    const version = (existing?.version ?? 0) + 1;
    const context = credentialContext({ ...owner, credentialId, kind: granted.kind, version });
    const secretId = await this.vault.put(tx, granted.token, context);
    const tokenHash = this.ring.blindIndex(granted.token.expose());
    if (existing !== null) await this.retireServingVersion(tx, owner.connectionId, existing, tokenHash, now);
    await this.vault.destroy(tx, await deleteTokenRevocationsOfToken(tx, tokenHash));
    await upsertGrantedCredential(tx, {
      credentialId,
      connectionId: owner.connectionId,
      appId: owner.appId,
      kind,
      isRoot,
      subjectId,
      subjectName,
      version,
      secretId,
      tokenHash,
      scopes,
      issuedAt,
      expiresAt,
      refreshAfter: computeRefreshAfter({ ...granted, storedAt: now }, settings),
      checkDueAt: firstCheckAt(now, this.random.fraction()),
      now,
    });
    return credentialId;
  }

  /** Removes the credentials of a connection that are not among `keep`, and destroys their tokens. */
  async removeExcept(tx: Transaction, connectionId: ConnectionId, keep: CredentialId[], now: Date): Promise<void> {
    await this.vault.destroy(tx, await deleteCredentialsExcept(tx, connectionId, keep, now));
  }

  /** Destroys every token of a connection but `except`, and takes all claims away. */
  async destroyAll(tx: Transaction, connectionId: ConnectionId, except: SecretId | null, now: Date): Promise<void> {
    const secretIds = await detachSecrets(tx, connectionId, now);
    await this.vault.destroy(
      tx,
      secretIds.filter((id) => id !== except),
    );
  }

  /** Meta has ended all tokens of the connection: those that it had still to be asked to revoke are destroyed. */
  async forgetTokensToRevoke(tx: Transaction, connectionId: ConnectionId): Promise<void> {
    await this.vault.destroy(tx, await deleteTokenRevocationsOfConnection(tx, connectionId));
  }

  /**
   * The serving version becomes `previous`, or is revoked at Meta where its rotation was asked for; pending ones, which nobody ever used,
   * are destroyed, and those of a rotation are revoked at Meta.
   */
  private async retireServingVersion(
    tx: Transaction,
    connectionId: ConnectionId,
    { id, tokenHash, isRotationRequested }: GrantedToCredential,
    newTokenHash: Buffer,
    now: Date,
  ): Promise<void> {
    await queuePendingRotations(tx, connectionId, now);
    await this.vault.destroy(tx, await deletePendingVersions(tx, id));
    const isReplaced = tokenHash !== null && !tokenHash.equals(newTokenHash);
    if (isRotationRequested && isReplaced) await queueServingVersion(tx, id, now);
    else await keepServingVersion(tx, id, now);
  }
}
