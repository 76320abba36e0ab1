import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ClaimLostError } from '../connections/claim-lost-error.ts';
import { sendProblem } from '../platform/http-server/problem.filter.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { ConnectFailedError } from './connect-failed-error.ts';
import { problemOf } from './connect-problems.ts';

/** Failed authorizations as problem+json, for clients that completed or imported one themselves. */
@Catch(ConnectFailedError, ClaimLostError)
export class ConnectErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Pino) {}

  catch(error: ConnectFailedError | ClaimLostError, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // Another replica has taken the work over and finishes it: to the caller that is a matter of waiting.
    const failure =
      error instanceof ClaimLostError
        ? new ConnectFailedError('meta_unavailable', { cause: error, isFinal: false })
        : error;
    sendProblem(problemOf(failure), request, reply, this.logger);
  }
}
