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

/** What only some types of assets have besides: ad accounts, and phone numbers that were registered here. */
export interface AssetDetails {
  /** ISO 4217 */
  currency?: string;
  /** The business that owns the asset. */
  business?: { id: string; name: string | null };
  registration?: PhoneRegistration;
}
