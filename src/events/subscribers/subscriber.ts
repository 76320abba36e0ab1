import type { SecretString } from '../../platform/secret-string.ts';

/** Where a subscription's deliveries go, and the secrets that sign them. */
export interface Subscriber {
  url: string;
  /** Never empty; newest first. */
  secrets: readonly SecretString[];
}
