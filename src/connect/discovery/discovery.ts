import type { GrantedAsset } from '../../connections/authorization/connection-provisioner.ts';
import type { GrantedCredential } from '../../connections/credentials/credential-writer.ts';
import type { DiscoveryWarningCode, SCOPES_MISSING } from '../../connections/status/status-reason.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
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
}

/** One product's discovery. Throws `MetaError`. May be repeated: it only reads, or does what is harmless twice. */
export type DiscoverAssets = (api: DiscoveryApi, input: DiscoveryInput) => Promise<Discovered>;

export const NOTHING: Discovered = Object.freeze({ pages: [], assets: [], warning: null });

/** Verdicts that settle "may this token have that?". The token was valid a moment ago, so `suspect` means no as well. */
const REFUSALS: ReadonlySet<string> = new Set(['permission', 'parameter', 'blocked', 'suspect']);

/** Whether Meta refused a call made with a valid token. Outages, rate limits and wrong settings of ours do not count. */
export function asRefusal(error: unknown): MetaError | null {
  return error instanceof MetaError && REFUSALS.has(error.verdict.kind) ? error : null;
}
