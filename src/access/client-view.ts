import type { LeaseMode, Role } from './caller.ts';
import type { ClientKeyRow, ClientRow } from './client-row.ts';

/** A client as the API shows it. */
export interface ClientView {
  id: string;
  name: string;
  role: Role;
  tenants: string[];
  products: string[];
  lease_modes: LeaseMode[];
  max_ttl_seconds: number;
  rate_limit_per_second: number | null;
  created_at: string;
}

export interface ClientKeyView {
  created_at: string;
  /** Null: until it is replaced. */
  expires_at: string | null;
}

export function toClientView(row: ClientRow): ClientView {
  return { ...row, created_at: row.created_at.toISOString() };
}

export function toClientKeyView(row: ClientKeyRow): ClientKeyView {
  return { created_at: row.created_at.toISOString(), expires_at: row.expires_at?.toISOString() ?? null };
}
