import type { Product } from '../config/config.ts';
import type { LeaseMode, Role } from './caller.ts';

/** A row of the table `client`, as `POLICY_COLUMNS` reads it. */
export interface ClientRow {
  id: string;
  name: string;
  role: Role;
  tenants: string[];
  products: (Product | '*')[];
  lease_modes: LeaseMode[];
  max_ttl_seconds: number;
  rate_limit_per_second: number | null;
  created_at: Date;
}

/** The columns of `client c`. */
export const POLICY_COLUMNS =
  'c.id, c.name, c.role, c.tenants, c.products, c.lease_modes, c.max_ttl_seconds, c.rate_limit_per_second, c.created_at';

/** What may be shown of a key. */
export interface ClientKeyRow {
  created_at: Date;
  expires_at: Date | null;
}
