import type { FastifyRequest } from 'fastify';
import type { AuthenticatedClient } from './authenticated-client.ts';

/** Port for sessions of people. Implemented by the console module, which this module must not import. */
export abstract class SessionAuthenticator {
  /**
   * Returns whom the session in a request's cookie belongs to; null without such a cookie. Throws 401 `unauthenticated`
   * if the session has ended, and 403 `origin_not_allowed` for a change that another site's page may have sent.
   */
  abstract authenticate(request: FastifyRequest): Promise<AuthenticatedClient | null>;
}
