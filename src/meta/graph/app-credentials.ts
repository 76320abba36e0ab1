import type { AppCredentials } from '../../config/config.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import type { GraphHost } from './graph-host.ts';

/** The app of a host, for an operation that can't do without. Throws `MetaError` (`configuration`, `not_configured`) where there is none: no other app stands in. */
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

/** `{app_id}|{app_secret}`, taken wherever an app token is. Throws like `requireApp`. */
export function appToken(host: GraphHost, operation: string): SecretString {
  const { id, secret } = requireApp(host, operation);
  return new SecretString(`${host.appTokenPrefix}${id}|${secret.expose()}`);
}
