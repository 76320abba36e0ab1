import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { prefersJson } from '../../platform/http-server/prefers-json.ts';
import { sendProblem, toAppError } from '../../platform/http-server/problem.filter.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { internalError } from '../../platform/problem.ts';
import { BrowserResponder } from './browser-responder.ts';
import { EndedLinkError } from './connect-link.service.ts';

/** Renders errors of browser routes: as pages, or problem+json on request. */
@Catch()
export class BrowserFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Pino,
    private readonly responder: BrowserResponder,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = toAppError(error);
    if (prefersJson(request.headers.accept) || !isForPerson(request)) {
      sendProblem(problem, request, reply, this.logger);
      return;
    }
    if (problem.type === internalError) {
      const err = problem.occurrence.cause ?? problem;
      this.logger.error({ err, request_id: String(request.id), route: request.routeOptions.url }, 'internal error');
    }
    if (problem instanceof EndedLinkError) this.responder.sendEndedLink(request, reply, problem);
    else this.responder.sendProblem(request, reply, problem);
  }
}

/** Browsers that post a form accept HTML; our script does not. */
function isForPerson({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' || headers.accept?.includes('text/html') === true;
}
