import type { ProtectedTable } from '../database/protected-table.ts';

/** The tables whose rows decide who may do what: each row has a MAC, and one without counts as absent. */
export const PROTECTED_TABLES: readonly ProtectedTable[] = [];
