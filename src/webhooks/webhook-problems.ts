import { defineProblem } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    deletion_not_found: true;
    handshake_refused: true;
    signature_invalid: true;
  }
}

export const signatureInvalid = defineProblem(
  'signature_invalid',
  401,
  'The signature is missing or wrong.',
  'Sign with the secret of the app configured here. During a rotation, also set META_APP_SECRET_PREVIOUS.',
);
export const handshakeRefused = defineProblem(
  'handshake_refused',
  403,
  'This is not a webhook subscription handshake, or its verify token is wrong.',
  "Set META_WEBHOOK_VERIFY_TOKEN, and enter the same value in the app's dashboard.",
);
export const deletionNotFound = defineProblem(
  'deletion_not_found',
  404,
  'There is no data deletion request with this code.',
  'Check the confirmation code that Meta showed when the deletion was requested.',
);
