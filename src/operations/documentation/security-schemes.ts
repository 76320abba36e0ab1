import type { Json } from './json.ts';

export const SECURITY_SCHEMES: Json = {
  apiKey: { type: 'http', scheme: 'bearer', description: "A client's API key (`mtv_…`)" },
  issuerToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: "A token of a trusted issuer, for one of the client's `identities`",
  },
  consoleSession: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-metavault_console',
    description: 'The session of a person in the console. Changes need an `Origin` of ours, too.',
  },
  operationsToken: {
    type: 'http',
    scheme: 'bearer',
    description: '`OPERATIONS_TOKEN`. Not needed on the operations listener, nor in development.',
  },
  lease: { type: 'http', scheme: 'bearer', description: 'The `access_token` of a lease, for the gateway only' },
  leaseParameter: {
    type: 'apiKey',
    in: 'query',
    name: 'access_token',
    description: "The same where Meta's SDKs put it: as a parameter of the query, or of a form",
  },
};

/** For operators' routes: the token, or none. */
export const OPERATOR_SECURITY: readonly Json[] = [{}, { operationsToken: [] }];
/** For routes with roles: either of the two. */
export const CLIENT_SECURITY: readonly Json[] = [{ apiKey: [] }, { issuerToken: [] }];
/** For routes with roles that people may have. */
export const PERSON_SECURITY: readonly Json[] = [...CLIENT_SECURITY, { consoleSession: [] }];
export const LEASE_SECURITY: readonly Json[] = [{ lease: [] }, { leaseParameter: [] }];
