import type { MetaCause } from '../../platform/problem.ts';

/**
 * A number's registration with the Cloud API: the outcome of the last attempt, or `coexistence` if the number is also
 * used in the WhatsApp Business app, which registered it. The PIN is never stored.
 */
export interface PhoneRegistration {
  status: 'registered' | 'failed' | 'coexistence';
  at: string;
  /** After a failure: what happened and what to do. */
  detail?: string;
  remedy?: string;
  meta?: MetaCause;
}

/** What can be copied once from the WhatsApp Business app. */
export type SynchronizationKind = 'contacts' | 'history';

export interface KindSynchronization {
  status: 'not_requested' | 'requested' | 'failed';
  /** When it was last requested. */
  at?: string;
  /** Meta's id, if it accepted the request. */
  request_id?: string;
  /** Meta was asked, but its response is unknown: the request is under way, or its replica stopped. */
  outcome?: 'unknown';
  detail?: string;
  remedy?: string;
  meta?: MetaCause;
}

/** What a WhatsApp Business app number gives once, within a day of its signup. */
export interface PhoneSynchronization extends Record<SynchronizationKind, KindSynchronization> {
  /** Null: the time of signup is unknown, so only Meta can tell whether it is too late. */
  deadline_at: string | null;
  /** When the deadline was announced by an event. */
  announced_at?: string;
}

/** Details only some assets have: ad accounts, Pages that yield no token, and phone numbers. */
export interface AssetDetails {
  /** ISO 4217 */
  currency?: string;
  /** The business that owns the asset. */
  business?: { id: string; name: string | null };
  /** The user's tasks on a Page that Meta gives no token for. */
  tasks?: string[];
  registration?: PhoneRegistration;
  synchronization?: PhoneSynchronization;
}
