import { Injectable } from '@nestjs/common';
import type { InspectableAssetType } from '../../connections/assets/moved-asset.repository.ts';
import type { UnverifiedAsset } from '../../connections/assets/unverified-asset.repository.ts';
import type { CredentialSnapshot } from '../../connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import { PageApi } from '../../meta/assets/page-api.ts';
import { WhatsappApi } from '../../meta/assets/whatsapp-api.ts';
import { InspectionApi } from '../../meta/tokens/inspection-api.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { AppRateLimiter } from '../rate-limit/app-rate-limiter.ts';

/** An asset and the tokens for it. */
interface Question {
  asset: UnverifiedAsset;
  /** The credential it is used with: the root, or that of a Page. */
  credential: CredentialSnapshot;
  rootToken: SecretString;
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
    private readonly whatsappApi: WhatsappApi,
    private readonly pages: PageApi,
    private readonly inspections: InspectionApi,
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
      () => this.questions[type]({ asset, credential, rootToken }),
      {
        objectIds: [asset.id],
      },
    );
  }

  /** Meta refuses calls to a lost account. */
  private async isAccountLost({ asset, rootToken }: Question): Promise<boolean> {
    await this.whatsappApi.getAccount(asset.id, rootToken);
    return false;
  }

  private async isNumberLost({ asset, rootToken }: Question): Promise<boolean> {
    if (asset.parentId === null) return false;
    const numbers = await this.whatsappApi.listPhoneNumbers(asset.parentId, rootToken);
    return !numbers.some(({ id }) => id === asset.id);
  }

  /** Meta no longer gives a token, and the one held is dead. A Page with a root token is lost only with that token. */
  private async isPageLost({ asset, credential, rootToken }: Question): Promise<boolean> {
    if (credential.isRoot) {
      await this.pages.getOwnPage(rootToken);
      return false;
    }
    if ((await this.pages.getPageTokens([asset.id], rootToken)).has(asset.id)) return false;
    const token = await this.versions.openCurrent(credential);
    if (token === null) return true;
    const inspection = await this.inspections.inspect(credential.kind, token);
    return !inspection.valid && inspection.reason === 'dead';
  }
}

function isInspectable<T extends object>(type: string, questions: T): type is Extract<keyof T, string> {
  return Object.hasOwn(questions, type);
}
