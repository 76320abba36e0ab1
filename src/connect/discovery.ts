import type { GrantedCredential } from '../connections/credential-writer.ts';
import type { GrantedAsset } from '../connections/establish-connection.ts';
import type { DiscoveryApi } from '../meta/discovery-api.ts';
import type { Inspection } from '../meta/inspection.ts';
import type { SecretString } from '../platform/secret-string.ts';
import type { IntakeHints } from './intake-hints.ts';

/** What discovery starts from: an inspected, long-lived token. */
export interface DiscoveryInput {
  token: SecretString;
  inspection: Inspection;
  scopes: string[];
  hints: IntakeHints;
}

/** Something that a person should mend, though the connection stands. */
export interface Shortcoming {
  code: string;
  detail: string;
  remedy: string;
}

/** What a token reaches, for one product. */
export interface Discovered {
  pages: GrantedCredential[];
  assets: GrantedAsset[];
  shortcoming: Shortcoming | null;
}

/** One product's discovery. Throws `MetaError`. May be repeated: it only reads, or does what is harmless twice. */
export type Discover = (api: DiscoveryApi, input: DiscoveryInput) => Promise<Discovered>;

export const NOTHING: Discovered = Object.freeze({ pages: [], assets: [], shortcoming: null });
