import type { Role } from '../../auth/authenticated-client.ts';

/** Whether people may have the role: `service` is for programs, whose leases open tokens. */
export function canSignIn(role: Role): boolean {
  return role !== 'service';
}
