import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Config } from '../../config/config.ts';
import { HttpClient, UndiciHttpClient } from '../../platform/http-client/http-client.ts';
import { type AddressRules, isAllowedAddress } from './subscriber-address.ts';

/** The HTTP client for subscribers: like `HttpClient`, but unable to connect to addresses that subscriptions may not use. */
export abstract class SubscriberHttpClient extends HttpClient {}

/** A host name resolves only to forbidden addresses. */
export class AddressRefusedError extends Error {
  constructor(host: string) {
    super(`${host} leads to no address where a subscriber may be`);
    this.name = 'AddressRefusedError';
  }
}

/** The rules of one configuration. */
export function toAddressRules(config: Pick<Config, 'environment' | 'subscriptionHosts'>): AddressRules {
  return { isProduction: config.environment === 'production', hosts: config.subscriptionHosts };
}

/** No limit per host, as many subscriptions can share one and a hanging one must not block the others. */
const MAX_CONNECTIONS = 1_024;

/** A client that checks every new connection, so that a name can't resolve elsewhere after its subscription was accepted. */
export function createSubscriberHttpClient(rules: AddressRules, resolve: typeof lookup = lookup): SubscriberHttpClient {
  return new UndiciHttpClient({
    connections: MAX_CONNECTIONS,
    connectTimeoutMs: 5_000,
    bodyTimeoutMs: 5_000,
    lookup: createGuardedLookup(rules, resolve),
  });
}

/** Resolves as the system does and filters out forbidden addresses; `AddressRefusedError` if none is left. */
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
