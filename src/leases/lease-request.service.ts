import { Inject, Injectable } from '@nestjs/common';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { AuthenticationService } from '../auth/authentication.service.ts';
import type { AuthenticatedRequest } from '../auth/decorators.ts';
import { PolicyViolationError } from '../auth/policy/policy.ts';
import { PolicyViolations } from '../auth/policy/policy-violations.ts';
import { databaseUnavailable } from '../database/database-unavailable.ts';
import { InputValidationPipe } from '../platform/http-server/input-validation.pipe.ts';
import { toAppError, toProblemDocument } from '../platform/http-server/problem.filter.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError, internalError } from '../platform/problem.ts';
import { LeaseRequest } from './lease.dto.ts';
import type { LeaseResult } from './lease-batch.dto.ts';
import { LeaseIssuer, OutdatedClientError } from './lease-issuer.ts';
import type { IssuedLeaseResponse } from './lease-response.dto.ts';

/** The caller of one HTTP request, which may ask for many leases. */
export interface LeaseCaller {
  client: AuthenticatedClient;
  call: AuthenticatedRequest;
  requestId: string;
  /** The current client, set once a request needs it. */
  current?: Promise<AuthenticatedClient>;
}

/** Issues the leases of one HTTP request. Those that arrive together share a statement (`LeaseIssuer`). */
@Injectable()
export class LeaseRequestService {
  readonly #validation = new InputValidationPipe();

  constructor(
    private readonly issuer: LeaseIssuer,
    private readonly authentication: AuthenticationService,
    private readonly violations: PolicyViolations,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Issues one lease. Throws as `LeaseIssuer.issue` does, but never `OutdatedClientError`. */
  async issue(caller: LeaseCaller, request: LeaseRequest): Promise<IssuedLeaseResponse> {
    const { client, call, requestId } = caller;
    try {
      return await this.issuer.issue(client, request, requestId);
    } catch (error) {
      // The cached client may be outdated: look it up again, once for all requests, before refusing it.
      if (!(error instanceof OutdatedClientError || error instanceof PolicyViolationError)) throw error;
    }
    caller.current ??= this.authentication.authenticate(call, 0);
    return this.issuer.issue(await caller.current, request, requestId);
  }

  /** Handles each request independently. Throws 503 `database_unavailable` if that is the answer to all of them. */
  async issueAll(caller: LeaseCaller, requests: readonly unknown[]): Promise<LeaseResult[]> {
    const outcomes = await Promise.all(requests.map((request) => this.attempt(caller, request)));
    const [first] = outcomes;
    if (first instanceof AppError && outcomes.every(isDatabaseUnavailable)) throw first;
    return outcomes.map((outcome) =>
      outcome instanceof AppError ? { problem: toProblemDocument(outcome, caller.requestId) } : { lease: outcome },
    );
  }

  private async attempt(caller: LeaseCaller, request: unknown): Promise<IssuedLeaseResponse | AppError> {
    try {
      return await this.issue(caller, await this.validated(request));
    } catch (error) {
      if (error instanceof PolicyViolationError) await this.violations.report(error, caller.call);
      const problem = toAppError(error);
      if (problem.type === internalError)
        this.logger.error({ err: error, request_id: caller.requestId }, 'internal error');
      return problem;
    }
  }

  private async validated(request: unknown): Promise<LeaseRequest> {
    return (await this.#validation.transform(request, { type: 'body', metatype: LeaseRequest })) as LeaseRequest;
  }
}

function isDatabaseUnavailable(outcome: unknown): boolean {
  return outcome instanceof AppError && outcome.type === databaseUnavailable;
}
