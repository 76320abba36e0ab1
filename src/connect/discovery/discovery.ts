import type { AssetCoverage } from '../../connections/assets/asset-changes.ts';
import type { GrantedAsset } from '../../connections/authorization/connection-provisioner.ts';
import type { GrantedCredential } from '../../connections/credentials/credential-writer.ts';
import type { DiscoveryWarningCode, SCOPES_MISSING } from '../../connections/status/status-reason.ts';
import type { ListingToken } from '../../meta/assets/business-api.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { MetaApp } from '../../meta/meta-apps.ts';
import type { ValidInspection } from '../../meta/tokens/inspection-result.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { AuthorizationHints } from '../authorization-hints.ts';

/** What discovery starts from: an inspected, long-lived token. */
export interface DiscoveryInput {
  token: SecretString;
  inspection: ValidInspection;
  scopes: string[];
  hints: AuthorizationHints;
  /** A user just went through the dialog and can be asked again; false for an import. */
  isInteractive: boolean;
  app: MetaApp;
  /** Set at a second look: these WhatsApp accounts are known, asked for again, and subscribed already. */
  secondLook?: { whatsappAccountIds: readonly string[] };
  /** Called with the WhatsApp accounts that were found, before any of them is changed. May throw, which ends the discovery. */
  beforeSubscribing?(whatsappAccountIds: readonly string[]): Promise<void>;
  /** Called now and then with what was found by now. May throw, which ends the discovery. */
  onProgress(found: DiscoveryProgress): Promise<void>;
}

export interface DiscoveryProgress {
  pages: number;
  assets: number;
}

/** Something the user should fix, although the connection was made. */
export interface ConnectionWarning {
  code: DiscoveryWarningCode | typeof SCOPES_MISSING;
  detail: string;
  remedy: string;
  /** What Meta said, where it refused something. */
  meta?: MetaCause;
  /** Until it is fixed the connection is of no use: `reauth_required`. */
  isUnusable?: true;
}

/** What a token reaches, for one product. */
export interface Discovered {
  pages: GrantedCredential[];
  assets: GrantedAsset[];
  warning: ConnectionWarning | null;
  /** What the absence of an asset means; missing: nothing. */
  coverage?: AssetCoverage;
}

/** One product's discovery. Throws `MetaError`. May be repeated: it only reads, or does what is harmless twice. */
export type DiscoverAssets = (api: DiscoveryApi, input: DiscoveryInput) => Promise<Discovered>;

export const NOTHING: Discovered = Object.freeze({ pages: [], assets: [], warning: null });

/** For the lists of Meta's that depend on what a token is and may. */
export function toListingToken({ token, scopes, inspection }: DiscoveryInput): ListingToken {
  const { kind, granularScopes } = inspection;
  return { token, scopes, kind, granularScopes };
}
