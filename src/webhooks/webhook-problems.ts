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
  'Sign with the secret of the app that is configured here; during a rotation set META_APP_SECRET_PREVIOUS as well.',
);
export const handshakeRefused = defineProblem(
  'handshake_refused',
  403,
  'This is not the handshake of a webhook subscription, or its verify token is wrong.',
  "Enter the value of META_WEBHOOK_VERIFY_TOKEN in the app's dashboard; it must be set here.",
);
export const deletionNotFound = defineProblem(
  'deletion_not_found',
  404,
  'There is no data deletion request with this code.',
  'Check the confirmation code; Meta showed it when the deletion was asked for.',
);
