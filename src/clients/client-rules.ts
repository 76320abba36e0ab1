import type { LeaseMode } from '../auth/authenticated-client.ts';
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
  'There is no client with this id.',
  'Check the id; GET /v1/clients lists those that exist.',
);
export const lastAdmin = defineProblem(
  'last_admin',
  409,
  'This is the last admin with a working key.',
  'Create another admin first; nobody could manage clients otherwise.',
);
export const identityTaken = defineProblem(
  'identity_taken',
  409,
  'Another client has one of these identities.',
  'An identity is one client: take it from the other client first.',
);

/** A client that holds Meta's own token can't be limited to paths. Throws 400 `invalid_request`. */
export function requireEnforceable(leaseModes: readonly LeaseMode[], allow: AllowPolicy | null): void {
  if (allow === null || !leaseModes.includes('token')) return;
  throw invalidInputError(
    'allow',
    "cannot hold a client whose lease_modes name token: with Meta's own token it calls Meta itself",
  );
}

/** Throws 404 `client_not_found` for what has not the form of a client's id. */
export function toClientId(id: string): ClientId {
  if (!isId(id, 'cli')) throw new AppError(clientNotFound);
  return id;
}
