import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sendProblem } from '../../platform/http-server/problem.filter.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { AuthenticatedRequest } from '../decorators.ts';
import { createClientRefusal } from '../refusal.ts';
import { RefusalCounter } from '../refusal-counter.ts';
import { RefusalListener } from '../refusal-listener.ts';
import { PolicyViolationError } from './policy.ts';

/** Reports policy violations from any module to `RefusalListener` and sends them as problems. */
@Injectable()
@Catch(PolicyViolationError)
export class PolicyViolationFilter implements ExceptionFilter {
  constructor(
    private readonly counter: RefusalCounter,
    private readonly refusals: RefusalListener,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  async catch(error: PolicyViolationError, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<AuthenticatedRequest>();
    this.counter.count('not_allowed');
    if (request.client !== undefined) {
      await this.refusals.report(createClientRefusal(request.client.clientId, request, error.code));
    }
    sendProblem(error, request, host.switchToHttp().getResponse<FastifyReply>(), this.logger);
  }
}
