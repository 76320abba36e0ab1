import type { SecretString } from '../../platform/secret-string.ts';

/** Where a subscription's deliveries go, and what signs them. */
export interface Subscriber {
  url: string;
  /** Never empty, the newest first. */
  secrets: readonly SecretString[];
}
