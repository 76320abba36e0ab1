import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Config } from '../../config/config.ts';
import { HttpClient, UndiciHttpClient } from '../../platform/http-client/http-client.ts';
import { type AddressRules, isAllowedAddress } from './subscriber-address.ts';

/** `HttpClient` for subscribers. Cannot connect to addresses forbidden to subscriptions. */
export abstract class SubscriberHttpClient extends HttpClient {}

/** Thrown when a host name resolves only to forbidden addresses. */
export class AddressRefusedError extends Error {
  constructor(host: string) {
    super(`${host} resolves to no address allowed for subscribers`);
    this.name = 'AddressRefusedError';
  }
}

export function toAddressRules(config: Pick<Config, 'environment' | 'subscriptionHosts'>): AddressRules {
  return { isProduction: config.environment === 'production', hosts: config.subscriptionHosts };
}

export interface SubscriberHttpOptions {
  /** Between two chunks of a response. */
  bodyTimeoutMs?: number;
}

/** No limit per host: many subscriptions may share one, and a hanging one must not block the others. */
const MAX_CONNECTIONS = 1_024;

/**
 * Creates a client that checks every new connection, so that a name can't resolve to another address after its
 * subscription is accepted.
 */
export function createSubscriberHttpClient(
  rules: AddressRules,
  { bodyTimeoutMs = 5_000 }: SubscriberHttpOptions = {},
): SubscriberHttpClient {
  return new UndiciHttpClient({
    connections: MAX_CONNECTIONS,
    connectTimeoutMs: 5_000,
    bodyTimeoutMs,
    lookup: createGuardedLookup(rules),
  });
}

/** Resolves like the system but drops forbidden addresses. Fails with `AddressRefusedError` if none is left. */
export function createGuardedLookup(rules: AddressRules, resolve: typeof lookup = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
      if (error !== null) return callback(error, '', 0);
      const allowed = found.filter(({ address }) => isAllowedAddress(hostname.toLowerCase(), address, rules));
      const [first] = allowed;
      if (first === undefined) return callback(new AddressRefusedError(hostname), '', 0);
      if (options.all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}
