import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { clientRefusal, RefusalRecord } from '../../audit/refusal-auditor.ts';
import { sendProblem } from '../../platform/http-server/problem.filter.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { RefusalCounter } from '../auth-problems.ts';
import type { CalledRequest } from '../decorators.ts';
import { PolicyRefusal } from './policy.ts';

/** Refusals by policy, which any room may throw, on their way out: they are recorded here, and sent like every problem. */
@Injectable()
@Catch(PolicyRefusal)
export class PolicyRefusalFilter implements ExceptionFilter {
  constructor(
    private readonly counter: RefusalCounter,
    private readonly record: RefusalRecord,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  async catch(error: PolicyRefusal, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<CalledRequest>();
    this.counter.count('not_allowed');
    if (request.caller !== undefined) {
      await this.record.note(clientRefusal(request.caller.clientId, request, error.code));
    }
    sendProblem(error, request, host.switchToHttp().getResponse<FastifyReply>(), this.logger);
  }
}
