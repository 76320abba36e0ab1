import { defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    address_not_allowed: true;
    forbidden: true;
    fresh_sign_in_required: true;
    origin_not_allowed: true;
    rate_limited: true;
    too_many_attempts: true;
    unauthenticated: true;
  }
}

export const unauthenticated = defineProblem(
  'unauthenticated',
  401,
  'A valid API key is required.',
  'Send a client API key as Authorization: Bearer mtv_….',
);
export const forbidden = defineProblem(
  'forbidden',
  403,
  'The role of this client does not allow this.',
  'Use a client with a role that allows it, or ask an admin for one.',
);
export const addressNotAllowed = defineProblem(
  'address_not_allowed',
  403,
  'This client is not allowed to call from this IP address.',
  'Call from an address in its ip_allow_list, or ask an admin to change the list.',
);
export const tooManyAttempts = defineProblem(
  'too_many_attempts',
  429,
  'Too many invalid keys were sent from this address.',
  'Send a valid key, which works right away, or wait as long as Retry-After says.',
);
export const rateLimited = defineProblem(
  'rate_limited',
  429,
  'This client exceeded its limit of requests per second.',
  'Retry after the time in Retry-After, and send fewer requests at once.',
);
export const originNotAllowed = defineProblem(
  'origin_not_allowed',
  403,
  'A change by a session must come from a page of this service.',
  'Open the console at the address in PUBLIC_URL, or call with a key instead of a cookie.',
);
export const freshSignInRequired = defineProblem(
  'fresh_sign_in_required',
  403,
  'This needs a sign-in of the last five minutes.',
  'Sign in again at the identity provider, then repeat it.',
);
