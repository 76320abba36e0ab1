import type { MetaCause } from '../../platform/problem.ts';

/**
 * How a number stands with the Cloud API, as the API shows it: how the last try to register it ended, or that it is in use in the WhatsApp
 * Business app as well (`coexistence`), which registered it. The pin is kept nowhere.
 */
export interface PhoneRegistration {
  status: 'registered' | 'failed' | 'coexistence';
  at: string;
  /** Where it failed: what happened, and what to do. */
  detail?: string;
  remedy?: string;
  meta?: MetaCause;
}

/** What can be copied once out of the WhatsApp Business app. */
export type SynchronizationKind = 'contacts' | 'history';

/** How one kind stands. */
export interface KindSynchronization {
  status: 'not_requested' | 'requested' | 'failed';
  /** When it was requested last. */
  at?: string;
  /** Meta's, where it took the request. */
  request_id?: string;
  /** Meta was asked, and its response is not known: it is under way, or the replica that asked stopped. */
  outcome?: 'unknown';
  detail?: string;
  remedy?: string;
  meta?: MetaCause;
}

/** What a number of the WhatsApp Business app gives once, within a day of its signup. */
export interface PhoneSynchronization extends Record<SynchronizationKind, KindSynchronization> {
  /** Null: when it signed up is not known, so only Meta can say whether it is too late. */
  deadline_at: string | null;
  /** When the end was announced by an event. */
  announced_at?: string;
}

/** What only some assets have besides: ad accounts, Pages that give no token, and phone numbers. */
export interface AssetDetails {
  /** ISO 4217 */
  currency?: string;
  /** The business that owns the asset. */
  business?: { id: string; name: string | null };
  /** What the user may do on a Page that Meta gives no token for. */
  tasks?: string[];
  registration?: PhoneRegistration;
  synchronization?: PhoneSynchronization;
}
