import type { AssetCoverage } from '../../connections/assets/asset-changes.ts';
import type { GrantedAsset } from '../../connections/authorization/provisioning-input.ts';
import type { GrantedCredential } from '../../connections/credentials/credential-writer.ts';
import type { DiscoveryWarningCode, SCOPES_MISSING } from '../../connections/status/status-reason.ts';
import type { ListingToken } from '../../meta/assets/business-api.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { MetaApp } from '../../meta/meta-apps.ts';
import type { ValidInspection } from '../../meta/tokens/inspection-result.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { AuthorizationHints } from '../authorization-hints.ts';

/** Input of a discovery: an inspected, long-lived token. */
export interface DiscoveryInput {
  token: SecretString;
  inspection: ValidInspection;
  scopes: string[];
  hints: AuthorizationHints;
  /** A user just went through the dialog and can be asked again; false for imports. */
  isInteractive: boolean;
  app: MetaApp;
  /** Set on rediscovery: these WhatsApp accounts are already known and subscribed, and are queried again. */
  secondLook?: { whatsappAccountIds: readonly string[] };
  /** Called with the WhatsApp accounts found, before changing any. May throw to end the discovery. */
  beforeSubscribing?(whatsappAccountIds: readonly string[]): Promise<void>;
  /** Called from time to time with what was found so far. May throw to end the discovery. */
  onProgress(found: DiscoveryProgress): Promise<void>;
}

export interface DiscoveryProgress {
  pages: number;
  assets: number;
}

/** Something for the user to fix, although the connection was made. */
export interface ConnectionWarning {
  code: DiscoveryWarningCode | typeof SCOPES_MISSING;
  detail: string;
  remedy: string;
  /** What Meta said if it refused something. */
  meta?: MetaCause;
  /** The connection is useless until this is fixed: `reauth_required`. */
  isUnusable?: true;
}

/** What a token reaches for one product. */
export interface Discovered {
  pages: GrantedCredential[];
  assets: GrantedAsset[];
  warning: ConnectionWarning | null;
  /** What an asset's absence means; missing: nothing. */
  coverage?: AssetCoverage;
}

/** Discovers one product's assets. Throws `MetaError`. Safe to repeat. */
export type DiscoverAssets = (api: DiscoveryApi, input: DiscoveryInput) => Promise<Discovered>;

export const NOTHING: Discovered = Object.freeze({ pages: [], assets: [], warning: null });

/** What Meta's lists depend on: the token, its kind and its scopes. */
export function toListingToken({ token, scopes, inspection }: DiscoveryInput): ListingToken {
  const { kind, granularScopes } = inspection;
  return { token, scopes, kind, granularScopes };
}
