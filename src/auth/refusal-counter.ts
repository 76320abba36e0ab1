import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import type { CredentialRejectionReason } from './credentials/rejected-credential.ts';

type RefusalReason =
  | 'missing_key'
  | CredentialRejectionReason
  | 'too_many_attempts'
  | 'rate_limited'
  | 'forbidden'
  | 'not_allowed'
  | 'address_not_allowed'
  | 'fresh_sign_in_required'
  | 'origin_not_allowed'
  | 'ended_session'
  | 'undeclared_route';

/** Counts `metavault_access_refused_total{reason}`. */
@Injectable()
export class RefusalCounter {
  private readonly counter: Counter<'reason'>;

  constructor(registry: Registry) {
    this.counter = new Counter({
      name: 'metavault_access_refused_total',
      help: 'Requests refused by authentication, policy or limits, by reason',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  count(reason: RefusalReason): void {
    this.counter.inc({ reason });
  }
}
