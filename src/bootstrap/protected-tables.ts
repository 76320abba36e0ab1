import { PROTECTED_APPS } from '../apps/protected-apps.repository.ts';
import {
  PROTECTED_CLIENT_IDENTITIES,
  PROTECTED_CLIENT_KEYS,
  PROTECTED_CLIENTS,
} from '../auth/protected-clients.repository.ts';
import { PROTECTED_SESSIONS } from '../connect/protected-sessions.repository.ts';
import type { ProtectedTable } from '../database/protected-table.ts';
import { PROTECTED_SUBSCRIPTIONS } from '../events/subscriptions/protected-subscriptions.repository.ts';
import { PROTECTED_LEASES } from '../leases/protected-leases.repository.ts';
import { PROTECTED_PRIVACY_REQUESTS } from '../webhooks/privacy-requests/protected-privacy-requests.repository.ts';

/** The tables whose rows decide who may do what: each row has a MAC, and one without counts as absent. */
export const PROTECTED_TABLES: readonly ProtectedTable[] = [
  PROTECTED_CLIENTS,
  PROTECTED_CLIENT_KEYS,
  PROTECTED_CLIENT_IDENTITIES,
  PROTECTED_LEASES,
  PROTECTED_SESSIONS,
  PROTECTED_SUBSCRIPTIONS,
  PROTECTED_PRIVACY_REQUESTS,
  PROTECTED_APPS,
];
