import { SetMetadata } from '@nestjs/common';
import type { ProblemType } from '../problem.ts';

export const API_PROBLEMS = 'metavault:api-problems';

/** Lists the problems of an operation in the API document, in addition to those that every route may return. */
export const ApiProblems = (...types: readonly ProblemType[]): MethodDecorator => SetMetadata(API_PROBLEMS, types);
