/** @jest-environment node */
import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, NotFoundException, PayloadTooLargeException } from '@nestjs/common';
import {
  toAppError,
  toProblemDocument,
  toProblemHeaders,
} from '../../../../src/platform/http-server/problem.filter.ts';
import { AppError, defineProblem, invalidInputError, serviceUnavailable } from '../../../../src/platform/problem.ts';

declare module '../../../../src/platform/problem.ts' {
  interface ProblemCodes {
    test_unauthenticated: true;
  }
}

const unauthenticatedHere = defineProblem('test_unauthenticated', 401, 'Who is there?', 'Say it.');

describe('toProblemDocument', () => {
  it('has the documented members and nothing private', () => {
    const error = new AppError(serviceUnavailable, {
      detail: 'Meta does not answer.',
      meta: { code: 2, fbtrace_id: 'A1' },
      cause: new Error('private'),
    });
    expect(toProblemDocument(error, 'req_1')).toEqual({
      type: '/problems/service_unavailable',
      title: serviceUnavailable.title,
      status: 503,
      detail: 'Meta does not answer.',
      code: 'service_unavailable',
      request_id: 'req_1',
      remedy: serviceUnavailable.remedy,
      meta: { code: 2, fbtrace_id: 'A1' },
    });
  });

  it('names the place of wrong input', () => {
    expect(toProblemDocument(invalidInputError('a[0].b', 'must be text'), 'r').errors).toEqual([
      { path: 'a[0].b', message: 'must be text' },
    ]);
  });
});

describe('toProblemHeaders', () => {
  it('rounds Retry-After up, to at least one second, as the document does', () => {
    const told = (retryAfterSeconds: number) => {
      const error = new AppError(serviceUnavailable, { retryAfterSeconds });
      return [toProblemHeaders(error)['retry-after'], toProblemDocument(error, 'r').retry_after];
    };
    expect([told(0), told(0.2), told(1.1), told(60)]).toEqual([
      ['1', 1],
      ['1', 1],
      ['2', 2],
      ['60', 60],
    ]);
  });

  it('adds a challenge to a 401 only', () => {
    expect(toProblemHeaders(new AppError(unauthenticatedHere))['www-authenticate']).toBe('Bearer');
    expect(toProblemHeaders(new AppError(serviceUnavailable))['www-authenticate']).toBeUndefined();
  });
});

describe('toAppError', () => {
  it.each([
    [new NotFoundException('Cannot GET /secret'), 'not_found'],
    [new BadRequestException('secret'), 'invalid_request'],
    [new PayloadTooLargeException('secret'), 'payload_too_large'],
    [new HttpException('secret', 415), 'unsupported_media_type'],
    [new HttpException('secret', 418), 'invalid_request'],
    [new HttpException('secret', 502), 'internal_error'],
    [Object.assign(new Error('secret'), { code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 }), 'payload_too_large'],
    [Object.assign(new Error('secret'), { statusCode: 400 }), 'internal_error'],
    [new TypeError('secret'), 'internal_error'],
    ['secret', 'internal_error'],
    [undefined, 'internal_error'],
  ])('turns %s into %s and keeps its text private', (error, code) => {
    const problem = toAppError(error);
    expect(problem.code).toBe(code);
    expect(JSON.stringify(toProblemDocument(problem, 'r'))).not.toContain('secret');
    expect(problem.occurrence.cause).toBe(error);
  });
});
