import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Config } from '../../config/config.ts';
import { HttpClient, UndiciHttpClient } from '../../platform/http-client/http-client.ts';
import { type AddressRules, isAllowedAddress } from './subscriber-address.ts';

/** The way to subscribers: like `HttpClient`, and unable to connect to where a subscription may not lead. */
export abstract class SubscriberHttpClient extends HttpClient {}

/** A host name leads only to addresses where no subscriber may be. */
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

/** To one host: no limit of its own, as many subscriptions can lead there and one of them that hangs must not take the others' place. */
const MAX_CONNECTIONS = 1_024;

/** A client whose every new connection is checked, so that a name can't lead elsewhere after its subscription was accepted. */
export function createSubscriberHttpClient(rules: AddressRules, resolve: typeof lookup = lookup): SubscriberHttpClient {
  return new UndiciHttpClient({
    connections: MAX_CONNECTIONS,
    connectTimeoutMs: 5_000,
    bodyTimeoutMs: 5_000,
    lookup: createGuardedLookup(rules, resolve),
  });
}

/** Resolves as the system does and leaves out what is not allowed; `AddressRefusedError` where nothing is left. */
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
