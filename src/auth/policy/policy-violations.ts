import { Injectable } from '@nestjs/common';
import type { AuthenticatedRequest } from '../decorators.ts';
import { createClientRefusal } from '../refusal.ts';
import { RefusalCounter } from '../refusal-counter.ts';
import { RefusalListener } from '../refusal-listener.ts';
import type { PolicyViolationError } from './policy.ts';

/** Counts policy violations and reports them to `RefusalListener`. */
@Injectable()
export class PolicyViolations {
  constructor(
    private readonly counter: RefusalCounter,
    private readonly refusals: RefusalListener,
  ) {}

  async report(error: PolicyViolationError, request: AuthenticatedRequest): Promise<void> {
    this.counter.count('not_allowed');
    if (request.client !== undefined)
      await this.refusals.report(createClientRefusal(request.client, request, error.code));
  }
}
