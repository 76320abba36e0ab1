import type { MissingSettings } from '../meta/dialog/missing-login-settings.ts';
import { metaUnavailable } from '../meta/errors/meta-unavailable.ts';
import type { MetaApp } from '../meta/meta-apps.ts';
import { AppError, defineProblem, type ProblemType } from '../platform/problem.ts';

declare module '../platform/problem.ts' {
  interface ProblemCodes {
    access_denied: true;
    app_unavailable: true;
    code_rejected: true;
    login_not_configured: true;
    meta_configuration: true;
    phone_number_not_found: true;
    registration_refused: true;
    session_expired: true;
    state_mismatch: true;
    token_rejected: true;
    wrong_account: true;
  }
}

export const CONNECT_ERROR_CODES = [
  'access_denied',
  'app_unavailable',
  'session_expired',
  'state_mismatch',
  'code_rejected',
  'meta_configuration',
  'meta_unavailable',
  'wrong_account',
] as const;
/** Why an authorization failed: the values of `error` at a `return_url`, each of which is also a problem code. */
export type ConnectErrorCode = (typeof CONNECT_ERROR_CODES)[number];

const accessDenied = defineProblem(
  'access_denied',
  403,
  'The login was canceled. Nothing was connected.',
  'Open the link again and confirm the dialog, or close this page.',
);
export const appUnavailable = defineProblem(
  'app_unavailable',
  503,
  'Meta does not currently let this account use the app.',
  'Ask the operator to switch the app to live in the app dashboard, or to give this account a role on it.',
);
const sessionExpired = defineProblem(
  'session_expired',
  410,
  'This connect link has expired or was already used.',
  'Go back to where you got the link and start again to get a new one.',
);
const stateMismatch = defineProblem(
  'state_mismatch',
  400,
  'This is not the browser that started the login.',
  'Open the connect link again in this browser, with cookies enabled, and complete the login here.',
);
const codeRejected = defineProblem(
  'code_rejected',
  422,
  'Meta rejected the authorization code: it was used, has expired, or belongs to another app or redirect URI.',
  'Log in again to get a new code. Codes work once and expire quickly.',
);
const tokenRejected = defineProblem(
  'token_rejected',
  422,
  'The token is invalid or belongs to another app.',
  'Supply a token of this app that debug_token reports as valid and whose kind suits the product.',
);
export const metaConfiguration = defineProblem(
  'meta_configuration',
  502,
  "Meta rejected this app's settings.",
  'Tell the operator: app id, app secret, redirect URI and API version must match the app dashboard. If the login succeeded, we keep it for a day and finish it automatically.',
);
const wrongAccount = defineProblem(
  'wrong_account',
  422,
  'This is not the account the link is for. Nothing was connected.',
  'Log out of Facebook, Instagram or Threads, then open the link again and use the right account.',
);

export const loginNotConfigured = defineProblem(
  'login_not_configured',
  409,
  'This login is not set up here.',
  "Ask the operator to set what detail names, from Meta's app dashboard, and restart the service.",
);

/** The error of a login whose app lacks settings. `login` names the login in the message. */
export function loginNotConfiguredError(
  app: MetaApp,
  login: string,
  { settings, fields, dashboard }: MissingSettings,
): AppError {
  if (app.source === 'api') {
    const fieldNames = fields.join(' and ');
    return new AppError(loginNotConfigured, {
      detail: `${login} needs ${fieldNames}, which app ${app.id} lacks here.`,
      remedy: `Ask an admin to set ${fieldNames} with PATCH /v1/apps/${app.id}, from Meta's app dashboard (${dashboard}).`,
    });
  }
  const names = settings.join(' and ');
  return new AppError(loginNotConfigured, {
    detail: `${login} needs ${names}, not set here.`,
    remedy: `Ask the operator to set ${names} from Meta's app dashboard (${dashboard}), and restart the service.`,
  });
}

/** The error of a login whose app was deleted after it began. */
export function appRemovedError(): AppError {
  return new AppError(loginNotConfigured, {
    detail: 'The app at Meta that this login was made for is no longer set up here.',
    remedy: 'Go back to where you got the link and start again.',
  });
}

export const phoneNumberNotFound = defineProblem(
  'phone_number_not_found',
  404,
  'This connection has no such phone number.',
  "Use the id of one of the connection's phone_number assets.",
);
export const registrationRefused = defineProblem(
  'registration_refused',
  422,
  'Meta did not register the phone number.',
  'Check the pin, and that the number is verified in WhatsApp Manager. The response to the call has details.',
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
