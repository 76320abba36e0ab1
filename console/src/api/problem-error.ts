import type { components } from '../../../clients/typescript/src/schema.ts';

export type Problem = components['schemas']['Problem'];

/** Codes of failures without a problem from the service. */
export type LocalCode = 'connection_lost' | 'unexpected_answer';

/** A failed call, with the service's problem, or none if there was no response. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  private constructor(
    readonly code: string,
    readonly problem: Partial<Problem>,
    readonly status: number | null,
    options?: ErrorOptions,
  ) {
    super(problem.detail ?? problem.title ?? code, options);
  }

  /** `body` is the body of the response, as JSON or text. */
  static ofResponse(response: Response, body: unknown): ProblemError {
    const requestId = response.headers.get('x-request-id');
    const known: Partial<Problem> = requestId === null ? {} : { request_id: requestId };
    if (typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string')
      return new ProblemError(body.code, { ...known, ...(body as Partial<Problem>) }, response.status);
    return new ProblemError('unexpected_answer' satisfies LocalCode, known, response.status);
  }

  /** From the part of a response that explains why that part failed. */
  static ofProblem(problem: Problem): ProblemError {
    return new ProblemError(problem.code, problem, problem.status);
  }

  /** There was no response. */
  static ofLostConnection(cause: unknown): ProblemError {
    return new ProblemError('connection_lost' satisfies LocalCode, {}, null, { cause });
  }
}

/** Whether a call was refused because the session has ended. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 401;
}
