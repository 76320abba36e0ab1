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
  findCredentialForGrant,
  upsertGrantedCredential,
} from './credential.repository.ts';
import type { CredentialKind } from './credential-kind.ts';
import { computeRefreshAfter, firstCheckAt } from './credential-schedule.ts';
import { deletePendingVersions, keepServingVersion } from './credential-version.repository.ts';
import { credentialContext } from './seal-contexts.ts';

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
    { isRoot, now, beforeExpirySeconds }: { isRoot: boolean; now: Date; beforeExpirySeconds: number },
  ): Promise<CredentialId> {
    const { kind, subjectId, subjectName, scopes, issuedAt, expiresAt } = granted;
    const existing = await findCredentialForGrant(tx, { connectionId: owner.connectionId, kind, subjectId });
    const credentialId = existing?.id ?? this.ids.next('crd');
    const version = (existing?.version ?? 0) + 1;
    const context = credentialContext({ ...owner, credentialId, kind: granted.kind, version });
    const secretId = await this.vault.put(tx, granted.token, context);
    if (existing !== null) await this.retireServingVersion(tx, credentialId, now);
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
      tokenHash: this.ring.blindIndex(granted.token.expose()),
      scopes,
      issuedAt,
      expiresAt,
      refreshAfter: computeRefreshAfter({ ...granted, storedAt: now }, beforeExpirySeconds),
      checkDueAt: firstCheckAt(now, this.random.fraction()),
      now,
    });
    return credentialId;
  }

  /** Removes the credentials of a connection that are not among `keep`, and destroys their tokens. */
  async removeExcept(tx: Transaction, connectionId: ConnectionId, keep: CredentialId[]): Promise<void> {
    await this.vault.destroy(tx, await deleteCredentialsExcept(tx, connectionId, keep));
  }

  /** Destroys every token of a connection but `except`, and takes all claims away. */
  async destroyAll(tx: Transaction, connectionId: ConnectionId, except: SecretId | null, now: Date): Promise<void> {
    const secretIds = await detachSecrets(tx, connectionId, now);
    await this.vault.destroy(
      tx,
      secretIds.filter((id) => id !== except),
    );
  }

  /** The serving version becomes `previous`; pending ones, which nobody ever used, are destroyed. */
  private async retireServingVersion(tx: Transaction, credentialId: CredentialId, now: Date): Promise<void> {
    await this.vault.destroy(tx, await deletePendingVersions(tx, credentialId));
    await keepServingVersion(tx, credentialId, now);
  }
}
