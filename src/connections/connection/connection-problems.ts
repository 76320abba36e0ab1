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
  'Check the id, the tenant and the product; list the connections with GET /v1/connections.',
);
export const reauthRequired = defineProblem(
  'reauth_required',
  409,
  'Meta refuses the token of this connection; only a new login of the user helps.',
  'Create a connect session for the same tenant and product and send the user through it; the connection keeps its id.',
);
export const connectionRevoked = defineProblem(
  'connection_revoked',
  409,
  'This connection has been revoked, which is final.',
  'Connect again: that makes a new connection.',
);
