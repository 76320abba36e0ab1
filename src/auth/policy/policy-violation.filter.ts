import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { sendProblem } from '../../platform/http-server/problem.filter.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import type { AuthenticatedRequest } from '../decorators.ts';
import { PolicyViolationError } from './policy.ts';
import { PolicyViolations } from './policy-violations.ts';

/** Reports policy violations from any module and sends them as problems. */
@Injectable()
@Catch(PolicyViolationError)
export class PolicyViolationFilter implements ExceptionFilter {
  constructor(
    private readonly violations: PolicyViolations,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  async catch(error: PolicyViolationError, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<AuthenticatedRequest>();
    await this.violations.report(error, request);
    sendProblem(error, request, host.switchToHttp().getResponse<FastifyReply>(), this.logger);
  }
}
