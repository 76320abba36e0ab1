import type { AppCredentials } from '../../config/config.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import type { GraphHost } from './graph-host.ts';

/** Returns the host's app. Throws `MetaError` (`configuration`, `not_configured`) without one: no other app will do. */
export function requireApp({ app }: Pick<GraphHost, 'app'>, operation: string): AppCredentials {
  if (app !== null) return app;
  throw new MetaError({
    verdict: { kind: 'configuration', what: 'not_configured' },
    httpStatus: null,
    operation,
    mayHaveCommitted: false,
    networkReason: null,
  });
}

/**
 * Returns `{app_id}|{app_secret}`, accepted wherever an app token is (docs/meta-facts.md#code-exchange). Throws like
 * `requireApp`.
 */
export function appToken(host: GraphHost, operation: string): SecretString {
  const { id, secret } = requireApp(host, operation);
  return new SecretString(`${host.appTokenPrefix}${id}|${secret.expose()}`);
}
