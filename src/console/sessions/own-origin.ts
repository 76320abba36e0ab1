import type { FastifyRequest } from 'fastify';
import { originNotAllowed } from '../../auth/auth-problems.ts';
import type { Config } from '../../config/config.ts';
import { isLoopback } from '../../config/setting-readers.ts';
import { AppError } from '../../platform/problem.ts';

/**
 * Keeps pages of other origins from sending changes with a person's cookie (OWASP, "Verifying Origin With Standard
 * Headers"). Throws 403 `origin_not_allowed` unless `Origin` is ours.
 */
export function requireOwnOrigin({ headers }: FastifyRequest, { publicUrl }: Pick<Config, 'publicUrl'>): void {
  const { origin, host } = headers;
  if (origin === new URL(publicUrl).origin) return;
  if (origin !== undefined && host !== undefined && origin === loopbackOriginOf(host)) return;
  throw new AppError(originNotAllowed);
}

/** The origin of a request that came to this machine's own address, as with `npm start`. Names can be rebound. */
function loopbackOriginOf(host: string): string | null {
  const address = `http://${host}`;
  return URL.canParse(address) && isLoopback(new URL(address).hostname) ? new URL(address).origin : null;
}
