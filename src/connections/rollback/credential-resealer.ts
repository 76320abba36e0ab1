import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/database.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { type SealedSecretRow, Vault } from '../../vault/vault.ts';
import type { CredentialSnapshot } from '../credentials/credential-snapshot.ts';
import { credentialContext } from '../credentials/seal-contexts.ts';
import { findSecretUse, updateResealedCredential } from './rollback-check.repository.ts';

/** Reseals the token of a rolled-back credential, so that neither an old version nor its cleanup can reach it. */
@Injectable()
export class CredentialResealer {
  constructor(private readonly vault: Vault) {}

  /**
   * Moves a locked credential's token to a version number never used before: a kept copy of a later version could
   * otherwise fit the numbers that come next. Returns the serving version, unchanged if no token can be opened.
   */
  async reseal(tx: Transaction, credential: CredentialSnapshot, recordedVersion: number): Promise<number> {
    const { sealed } = credential;
    const token = sealed === null ? null : await this.open(credential, sealed);
    if (sealed === null || token === null) return credential.version;
    const use = await findSecretUse(tx, credential.id, sealed.secret_id);
    const version = Math.max(recordedVersion, use.highestVersion) + 1;
    const secretId = await this.vault.put(tx, token, contextOf(credential, version));
    await updateResealedCredential(tx, { id: credential.id, version, secretId });
    // The old secret may still be referenced elsewhere, to be destroyed or revoked from there.
    if (!use.isUsedElsewhere) await this.vault.destroy(tx, [sealed.secret_id]);
    return version;
  }

  private async open(credential: CredentialSnapshot, sealed: SealedSecretRow): Promise<SecretString | null> {
    try {
      return await this.vault.open(sealed, contextOf(credential, credential.version));
    } catch (error) {
      if (error instanceof DecryptionError) return null;
      throw error;
    }
  }
}

function contextOf(credential: CredentialSnapshot, version: number): ReturnType<typeof credentialContext> {
  return credentialContext({ ...credential, credentialId: credential.id, version });
}
