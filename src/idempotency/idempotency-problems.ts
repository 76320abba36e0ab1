import { defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    idempotency_key_in_use: true;
    idempotency_key_reused: true;
  }
}

export const idempotencyKeyReused = defineProblem(
  'idempotency_key_reused',
  409,
  'This Idempotency-Key was used with another body.',
  'Send a new key with a new request; repeat a request with exactly the body it had.',
);
export const idempotencyKeyInUse = defineProblem(
  'idempotency_key_in_use',
  409,
  'The first request with this Idempotency-Key is still being processed.',
  'Repeat the request after the time in Retry-After: it then gets the answer of the first.',
);
