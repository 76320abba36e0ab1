import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { defineProblem } from '../platform/problem.ts';
import type { CredentialRejectionReason } from './credentials/rejected-credential.ts';

export const unauthenticated = defineProblem(
  'unauthenticated',
  401,
  'This needs a valid API key.',
  'Send the API key of a client as Authorization: Bearer mtv_….',
);
export const forbidden = defineProblem(
  'forbidden',
  403,
  'The role of this client may not do that.',
  'Use the key of a client whose role may, or ask an admin for one.',
);
export const addressNotAllowed = defineProblem(
  'address_not_allowed',
  403,
  'This client may not call from this address.',
  'Call from an address of its ip_allow_list, or ask an admin to change the list.',
);
export const tooManyAttempts = defineProblem(
  'too_many_attempts',
  429,
  'Too many wrong keys came from this address.',
  'Correct the key; wrong ones are taken again after the time in Retry-After.',
);
export const rateLimited = defineProblem(
  'rate_limited',
  429,
  'This client sends more requests a second than its limit.',
  'Send again after the time in Retry-After, and fewer at once.',
);

export type RefusalReason =
  | 'missing_key'
  | CredentialRejectionReason
  | 'too_many_attempts'
  | 'rate_limited'
  | 'forbidden'
  | 'not_allowed'
  | 'address_not_allowed'
  | 'undeclared_route';

/** Counts refusals: `metavault_access_refused_total{reason}`. */
@Injectable()
export class RefusalCounter {
  private readonly counter: Counter<'reason'>;

  constructor(registry: Registry) {
    this.counter = new Counter({
      name: 'metavault_access_refused_total',
      help: 'Requests that were refused for who sent them, by reason',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  count(reason: RefusalReason): void {
    this.counter.inc({ reason });
  }
}
