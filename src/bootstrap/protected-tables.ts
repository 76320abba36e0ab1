import { PROTECTED_SESSIONS } from '../connect/protected-sessions.repository.ts';
import type { ProtectedTable } from '../database/protected-table.ts';
import { PROTECTED_SUBSCRIPTIONS } from '../events/subscriptions/protected-subscriptions.repository.ts';
import { PROTECTED_PRIVACY_REQUESTS } from '../webhooks/privacy-requests/protected-privacy-requests.repository.ts';

/** The tables whose rows decide who may do what: each row has a MAC, and one without counts as absent. */
export const PROTECTED_TABLES: readonly ProtectedTable[] = [
  PROTECTED_SESSIONS,
  PROTECTED_SUBSCRIPTIONS,
  PROTECTED_PRIVACY_REQUESTS,
];
