import type { MetaCause } from '../../platform/problem.ts';

/** How the last try to register a number for the Cloud API ended, as the API shows it. The pin is kept nowhere. */
export interface PhoneRegistration {
  status: 'registered' | 'failed';
  at: string;
  /** Where it failed: what happened, and what to do. */
  detail?: string;
  remedy?: string;
  meta?: MetaCause;
}

/** What only some assets have besides: ad accounts, Pages that give no token, and phone numbers that were registered here. */
export interface AssetDetails {
  /** ISO 4217 */
  currency?: string;
  /** The business that owns the asset. */
  business?: { id: string; name: string | null };
  /** What the user may do on a Page that Meta gives no token for. */
  tasks?: string[];
  registration?: PhoneRegistration;
}
