import { type LookupAddress, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { invalidInputError } from '../../platform/problem.ts';
import { findUrlFault, hostOf, isAllowedAddress } from './subscriber-address.ts';
import { toAddressRules } from './subscriber-http-client.ts';

const RESOLVE_TIMEOUT_MS = 2_000;

/** Refuses forbidden URLs before they are stored. Resolved addresses are checked again at each connection. */
@Injectable()
export class SubscriberUrlValidator {
  constructor(private readonly config: Config) {}

  /** Throws 400 `invalid_request` for `url`. A name that does not resolve (yet) is accepted. */
  async validate(text: string): Promise<void> {
    const rules = toAddressRules(this.config);
    const fault = findUrlFault(text, rules);
    if (fault !== null) throw invalidInputError('url', fault);
    const host = hostOf(new URL(text));
    if (isIP(host) !== 0) return;
    const addresses = await resolve(host);
    if (addresses.length > 0 && !addresses.some((address) => isAllowedAddress(host, address, rules))) {
      throw invalidInputError('url', 'resolves to an address that is not public');
    }
  }
}

/** A name's addresses; empty if no resolver answers in time. */
function resolve(host: string): Promise<string[]> {
  return new Promise((done) => {
    const timer = setTimeout(() => done([]), RESOLVE_TIMEOUT_MS);
    lookup(host, { all: true }, (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
      clearTimeout(timer);
      done(error === null ? found.map(({ address }) => address) : []);
    });
  });
}
