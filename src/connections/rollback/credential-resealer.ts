import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/database.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { DecryptionError } from '../../vault/sealed-secret.ts';
import { type SealedSecretRow, Vault } from '../../vault/vault.ts';
import type { CredentialSnapshot } from '../credentials/credential-snapshot.ts';
import { credentialContext } from '../credentials/seal-contexts.ts';
import { findSecretUse, updateResealedCredential } from './rollback-check.repository.ts';

/** Seals the token of a credential that was set back anew, so that neither an old version nor its clean-up can reach it. */
@Injectable()
export class CredentialResealer {
  constructor(private readonly vault: Vault) {}

  /**
   * Moves the token of a locked credential to a version that there never was: every copy of a later version that somebody kept would fit the
   * numbers that come next. Returns the version that serves; the old one where there is no token that opens.
   */
  async reseal(tx: Transaction, credential: CredentialSnapshot, recordedVersion: number): Promise<number> {
    const { sealed } = credential;
    const token = sealed === null ? null : await this.open(credential, sealed);
    if (sealed === null || token === null) return credential.version;
    const use = await findSecretUse(tx, credential.id, sealed.secret_id);
    const version = Math.max(recordedVersion, use.highestVersion) + 1;
    const secretId = await this.vault.put(tx, token, contextOf(credential, version));
    await updateResealedCredential(tx, { id: credential.id, version, secretId });
    // What was set back may still be kept elsewhere, to be destroyed or revoked from there.
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
