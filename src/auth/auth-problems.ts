import { defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    address_not_allowed: true;
    forbidden: true;
    rate_limited: true;
    too_many_attempts: true;
    unauthenticated: true;
  }
}

export const unauthenticated = defineProblem(
  'unauthenticated',
  401,
  'This needs a valid API key.',
  'Send the API key of a client as Authorization: Bearer mtv_….',
);
export const forbidden = defineProblem(
  'forbidden',
  403,
  'The role of this client may not do that.',
  'Use the key of a client whose role may, or ask an admin for one.',
);
export const addressNotAllowed = defineProblem(
  'address_not_allowed',
  403,
  'This client may not call from this address.',
  'Call from an address of its ip_allow_list, or ask an admin to change the list.',
);
export const tooManyAttempts = defineProblem(
  'too_many_attempts',
  429,
  'Too many wrong keys came from this address.',
  'Correct the key; wrong ones are taken again after the time in Retry-After.',
);
export const rateLimited = defineProblem(
  'rate_limited',
  429,
  'This client sends more requests a second than its limit.',
  'Send again after the time in Retry-After, and fewer at once.',
);
