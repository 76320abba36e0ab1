import type { LeaseMode, Role } from '../auth/authenticated-client.ts';
import type { ClientId } from '../auth/ids.ts';
import type { AllowPolicy } from '../auth/policy/allow-policy.ts';
import { isId } from '../platform/ids.ts';
import { AppError, defineProblem, invalidInputError } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    client_not_found: true;
    identity_taken: true;
    last_admin: true;
  }
}

export const clientNotFound = defineProblem(
  'client_not_found',
  404,
  'No client has this id.',
  'Check the id; GET /v1/clients lists all clients.',
);
export const lastAdmin = defineProblem(
  'last_admin',
  409,
  'This is the last admin with a valid key.',
  'Create another admin first, or nobody could manage clients.',
);
export const identityTaken = defineProblem(
  'identity_taken',
  409,
  'One of these identities belongs to another client.',
  'Remove the identity from the other client first.',
);

/** A client with Meta's token calls Meta directly, so `allow` can't be enforced. Throws 400 `invalid_request`. */
export function requireEnforceable(leaseModes: readonly LeaseMode[], allow: AllowPolicy | null): void {
  if (allow === null || !leaseModes.includes('token')) return;
  throw invalidInputError(
    'allow',
    "cannot be enforced if lease_modes include token: with Meta's own token, a client calls Meta directly",
  );
}

/** A tenant_admin must never reach all tenants. Throws 400 `invalid_request`. */
export function requireNamedTenants(role: Role, tenants: readonly string[]): void {
  if (role !== 'tenant_admin' || !tenants.includes('*')) return;
  throw invalidInputError('tenants', 'must be named for a tenant_admin; only an admin administers all');
}

/** Throws 404 `client_not_found` if the id is malformed. */
export function toClientId(id: string): ClientId {
  if (!isId(id, 'cli')) throw new AppError(clientNotFound);
  return id;
}
