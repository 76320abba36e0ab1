import { defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    console_not_built: true;
    console_session_not_found: true;
    sign_in_method_disabled: true;
    sign_in_refused: true;
  }
}

export const signInRefused = defineProblem(
  'sign_in_refused',
  401,
  'This key or link cannot sign in to the console.',
  'Use a valid key of a client whose role is not service, or a new link. A link works once, within ten minutes.',
);
export const signInMethodDisabled = defineProblem(
  'sign_in_method_disabled',
  403,
  'This way to sign in is switched off here.',
  'Sign in as GET /v1/console/sign-in says, or ask an operator to set CONSOLE_KEY_SIGN_IN or CONSOLE_OIDC_ISSUER.',
);
export const consoleSessionNotFound = defineProblem(
  'console_session_not_found',
  404,
  'There is no such session, or it is not yours.',
  'List the sessions with GET /v1/console/sessions.',
);
export const consoleNotBuilt = defineProblem(
  'console_not_built',
  404,
  'The console is not part of this build.',
  'Run "npm run build", which builds it, and restart.',
);
