import { Injectable } from '@nestjs/common';
import type { InspectableAssetType } from '../../connections/assets/moved-asset.repository.ts';
import type { UnverifiedAsset } from '../../connections/assets/unverified-asset.repository.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import type { MetaClient } from '../../meta/meta-client.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { AppRateLimiter } from '../rate-limit/app-rate-limiter.ts';

/** An asset and the tokens for it. */
interface Question {
  asset: UnverifiedAsset;
  /** The credential it is used with: the root, or that of a Page. */
  credential: CredentialSnapshot;
  rootToken: SecretString;
  /** Of the app that the tokens belong to. */
  client: MetaClient;
}

/** Asks Meta whether the tokens of a connection still reach an asset. */
@Injectable()
export class AssetReach {
  private readonly questions: Readonly<Record<InspectableAssetType, (question: Question) => Promise<boolean>>> = {
    whatsapp_business_account: (question) => this.isAccountLost(question),
    phone_number: (question) => this.isNumberLost(question),
    page: (question) => this.isPageLost(question),
  };

  constructor(
    private readonly versions: CredentialVersionService,
    private readonly meta: MetaClients,
    private readonly rateLimiter: AppRateLimiter,
  ) {}

  /**
   * Returns true only if Meta says so; false also for other types and without a token. Throws `MetaError` if Meta
   * refuses, `CallNotPermittedError` and `DecryptionError`.
   */
  async isLost(asset: UnverifiedAsset, credential: CredentialSnapshot, root: CredentialSnapshot): Promise<boolean> {
    const { type } = asset;
    if (!isInspectable(type, this.questions)) return false;
    const rootToken = await this.versions.openCurrent(root);
    if (rootToken === null) return false;
    return this.rateLimiter.call(
      root.appId,
      'scheduled',
      () => this.meta.call(root.appId, (client) => this.questions[type]({ asset, credential, rootToken, client })),
      {
        objectIds: [asset.id],
      },
    );
  }

  /** Meta refuses calls to a lost account. */
  private async isAccountLost({ asset, rootToken, client }: Question): Promise<boolean> {
    await client.whatsappAccounts.getAccount(asset.id, rootToken);
    return false;
  }

  private async isNumberLost({ asset, rootToken, client }: Question): Promise<boolean> {
    if (asset.parentId === null) return false;
    const numbers = await client.whatsappAccounts.listPhoneNumbers(asset.parentId, rootToken);
    return !numbers.some(({ id }) => id === asset.id);
  }

  /** Meta no longer gives a token, and the one held is dead. A Page with a root token is lost only with that token. */
  private async isPageLost({ asset, credential, rootToken, client }: Question): Promise<boolean> {
    if (credential.isRoot) {
      await client.pages.getOwnPage(rootToken);
      return false;
    }
    if ((await client.pages.getPageTokens([asset.id], rootToken)).has(asset.id)) return false;
    const token = await this.versions.openCurrent(credential);
    if (token === null) return true;
    const inspection = await client.inspection.inspect(credential.kind, token);
    return !inspection.valid && inspection.reason === 'dead';
  }
}

function isInspectable<T extends object>(type: string, questions: T): type is Extract<keyof T, string> {
  return Object.hasOwn(questions, type);
}
