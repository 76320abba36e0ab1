import type { MissingSettings } from '../meta/dialog/missing-login-settings.ts';
import { AppError, defineProblem, type ProblemType } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    access_denied: true;
    app_unavailable: true;
    code_rejected: true;
    login_not_configured: true;
    meta_configuration: true;
    meta_unavailable: true;
    phone_number_not_found: true;
    registration_refused: true;
    session_expired: true;
    state_mismatch: true;
    token_rejected: true;
    wrong_account: true;
  }
}

/** Why an authorization did not become a connection: the values of `error` at a `return_url`. Each is the code of a problem as well. */
export type ConnectErrorCode =
  | 'access_denied'
  | 'app_unavailable'
  | 'session_expired'
  | 'state_mismatch'
  | 'code_rejected'
  | 'meta_configuration'
  | 'meta_unavailable'
  | 'wrong_account';

const accessDenied = defineProblem(
  'access_denied',
  403,
  'The login was cancelled, so nothing was connected.',
  'Open the link again and confirm the dialog, or close this page.',
);
export const appUnavailable = defineProblem(
  'app_unavailable',
  503,
  'The app is not open to this account at Meta at the moment.',
  'Ask the operator to switch the app to live in the app dashboard, or to give this account a role on it.',
);
const sessionExpired = defineProblem(
  'session_expired',
  410,
  'This connect link has expired or has been used already.',
  'Go back to where the link came from and start again: that gives a new link.',
);
const stateMismatch = defineProblem(
  'state_mismatch',
  400,
  'This browser is not the one that began this login.',
  'Open the connect link again in this browser, with cookies allowed, and finish the login there.',
);
const codeRejected = defineProblem(
  'code_rejected',
  422,
  'Meta did not accept the authorization code: it was used before, has expired, or was given for another app or redirect URI.',
  'Log in again: every login gives a new code, which works once and for a short time.',
);
const tokenRejected = defineProblem(
  'token_rejected',
  422,
  'The token is not valid, or is not a token of this app.',
  'Give a token of this app that debug_token shows as valid, of a kind that the product takes.',
);
export const metaConfiguration = defineProblem(
  'meta_configuration',
  502,
  'Meta refuses the settings of this app.',
  'Tell the operator: app id, app secret, redirect URI and API version must be as in the app dashboard. A login that had succeeded is kept and finished by itself for a day.',
);
export const metaUnavailable = defineProblem(
  'meta_unavailable',
  503,
  'Meta is not answering as it should at the moment.',
  'Try again after the time in Retry-After. A login that Meta had confirmed is kept and finished by itself; a code that may have been used is gone, so log in again for a new one.',
);

const wrongAccount = defineProblem(
  'wrong_account',
  422,
  'This is another account than the one that the link is for, so nothing was connected.',
  'Log out at Facebook (for Instagram or Threads: there) and open the link again with the right account.',
);

const loginNotConfigured = defineProblem(
  'login_not_configured',
  409,
  'This login is not set up here.',
  'Ask the operator to set what detail names, from the app dashboard of Meta, and to start the service again.',
);

/** A login that needs settings which are not there. `login` names it for a reader. */
export function loginNotConfiguredError(login: string, { settings, dashboard }: MissingSettings): AppError {
  const names = settings.join(' and ');
  return new AppError(loginNotConfigured, {
    detail: `${login} needs ${names}, which this service does not have.`,
    remedy: `Ask the operator to set ${names} from the app dashboard of Meta (${dashboard}), and to start the service again.`,
  });
}

export const phoneNumberNotFound = defineProblem(
  'phone_number_not_found',
  404,
  'This connection has no such phone number.',
  'Take the id from the assets of the connection, of type phone_number.',
);
export const registrationRefused = defineProblem(
  'registration_refused',
  422,
  'Meta did not register the phone number.',
  'Check the pin, and in WhatsApp Manager that the number is verified; the response to the call says more.',
);

export const CONNECT_PROBLEMS: { readonly [C in ConnectErrorCode | 'token_rejected']: ProblemType<C> } = {
  access_denied: accessDenied,
  app_unavailable: appUnavailable,
  session_expired: sessionExpired,
  state_mismatch: stateMismatch,
  code_rejected: codeRejected,
  token_rejected: tokenRejected,
  meta_configuration: metaConfiguration,
  meta_unavailable: metaUnavailable,
  wrong_account: wrongAccount,
};
