import { defineProblem } from '../../platform/problem.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    connection_not_found: true;
    connection_revoked: true;
    reauth_required: true;
  }
}

export const connectionNotFound = defineProblem(
  'connection_not_found',
  404,
  'There is no such connection.',
  'Check the id, tenant, and product. GET /v1/connections lists the connections you can see.',
);
export const reauthRequired = defineProblem(
  'reauth_required',
  409,
  'Meta rejects the token of this connection. The user has to log in again.',
  'Create a connect session for the same tenant and product, and send the user through it. The connection keeps its id.',
);
export const connectionRevoked = defineProblem(
  'connection_revoked',
  409,
  'This connection has been revoked, which is final.',
  'Connect again, which creates a new connection.',
);
