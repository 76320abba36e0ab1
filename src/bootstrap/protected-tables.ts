import {
  PROTECTED_CLIENT_IDENTITIES,
  PROTECTED_CLIENT_KEYS,
  PROTECTED_CLIENTS,
} from '../auth/protected-clients.repository.ts';
import type { ProtectedTable } from '../database/protected-table.ts';
import { PROTECTED_LEASES } from '../leases/protected-leases.repository.ts';

/** The tables whose rows decide who may do what: each row has a MAC, and one without counts as absent. */
export const PROTECTED_TABLES: readonly ProtectedTable[] = [
  PROTECTED_CLIENTS,
  PROTECTED_CLIENT_KEYS,
  PROTECTED_CLIENT_IDENTITIES,
  PROTECTED_LEASES,
];
