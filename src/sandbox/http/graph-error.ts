import { sessionTime } from './session-time.ts';

/** A refusal by Meta (docs/meta-facts.md#errors). */
export interface GraphFailure {
  status: number;
  message: string;
  type: string;
  code: number;
  subcode?: number;
  isTransient?: boolean;
  userTitle?: string;
  userMessage?: string;
  errorData?: unknown;
  /** The error word in WWW-Authenticate; default: by code. */
  errorCode?: string;
}

export class GraphError extends Error {
  constructor(readonly failure: GraphFailure) {
    super(failure.message);
  }
}

type Extra = Partial<Omit<GraphFailure, 'message' | 'code'>>;

/** Creates an OAuthException, HTTP 400 by default. */
export function oauthError(code: number, message: string, extra: Extra = {}): GraphError {
  return new GraphError({ status: 400, type: 'OAuthException', ...extra, code, message });
}

/** Creates a GraphMethodException, HTTP 400 by default. */
export function methodError(message: string, extra: Extra = {}): GraphError {
  return oauthError(100, message, { type: 'GraphMethodException', ...extra });
}

export const malformedToken = 'Invalid OAuth access token - Cannot parse access token';

/** Creates 100/33 as recorded in batch_responses.json and restfb. */
export function missingObject(method: string, id: string): GraphError {
  return methodError(
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to ` +
      'missing permissions, or does not support this operation. Please read the Graph API documentation at ' +
      'https://developers.facebook.com/docs/graph-api',
    { subcode: 33 },
  );
}

/** Returns Meta's message for a subcode of 190 (docs/meta-facts.md#code-190). */
export function toInvalidTokenMessage(subcode: number, appId: string, expiredAt: number, now: number): string {
  const validating = 'Error validating access token: ';
  switch (subcode) {
    case 458:
      return `${validating}The user has not authorized application ${appId}.`;
    case 459:
      return (
        `${validating}You cannot access the app till you log in to www.facebook.com and follow the ` +
        'instructions given.'
      );
    case 460:
      return (
        `${validating}The session has been invalidated because the user changed their password or Facebook ` +
        'has changed the session for security reasons.'
      );
    case 463:
      return `${validating}Session has expired on ${sessionTime(expiredAt)}. The current time is ${sessionTime(now)}.`;
    case 464:
      return `${validating}Sessions for the user  are not allowed because the user is not a confirmed user.`;
    case 467:
      return `${validating}The session is invalid because the user logged out.`;
    case 490:
      return `${validating}The user is enrolled in a blocking, logged-in checkpoint`;
    case 492:
      return `${validating}The session is invalid: the user has no role on the Page.`;
    case 493:
      return "The access token is invalid since the user hasn't engaged the app in longer than 90 days.";
    default:
      return 'Invalid OAuth 2.0 Access Token';
  }
}

const throttles: Record<number, { status: number; message: string }> = {
  4: { status: 403, message: '(#4) Application request limit reached' },
  17: { status: 400, message: '(#17) User request limit reached' },
  32: { status: 400, message: '(#32) Page request limit reached' },
  341: { status: 400, message: '(#341) Feed action request limit reached' },
  613: { status: 400, message: '(#613) Calls to this api have exceeded the rate limit.' },
};

/** Creates a throttle error (docs/meta-facts.md#rate-limits). Unknown codes get the business-use-case text. */
export function throttleFailure(code: number, subcode?: number): GraphFailure {
  const known = throttles[code];
  const text =
    `(#${code}) There have been too many calls to this account. Wait a bit and try again. For more info, please ` +
    'refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting.';
  const failure: GraphFailure = {
    status: known?.status ?? 400,
    message: known?.message ?? text,
    type: 'OAuthException',
    isTransient: true,
    code,
  };
  return subcode === undefined ? failure : { ...failure, subcode };
}

/** Builds the error object in the recorded key order. Throttles have is_transient before code. */
export function failureBody(failure: GraphFailure, fbtraceId: string): { error: Record<string, unknown> } {
  const error: Record<string, unknown> = { message: failure.message, type: failure.type };
  const early = failure.isTransient === true && failure.subcode === undefined;
  if (early) error.is_transient = true;
  // The recorded error for an oversized batch has no code.
  if (failure.type !== 'GraphBatchException') error.code = failure.code;
  if (failure.subcode !== undefined) error.error_subcode = failure.subcode;
  if (!early && failure.isTransient !== undefined) error.is_transient = failure.isTransient;
  if (failure.userTitle !== undefined) error.error_user_title = failure.userTitle;
  if (failure.userMessage !== undefined) error.error_user_msg = failure.userMessage;
  if (failure.errorData !== undefined) error.error_data = failure.errorData;
  error.fbtrace_id = fbtraceId;
  return { error };
}

/** Builds `OAuth "Facebook Platform" "<error>" "<message>"`, unescaped as at Meta but limited to ASCII. */
export function wwwAuthenticate(failure: GraphFailure): string {
  const errorCode =
    failure.errorCode ??
    (failure.code === 190 ? 'invalid_token' : failure.code === 803 ? 'not_found' : 'invalid_request');
  const message = failure.message.replace(/[^\x20-\x7e]/g, '?');
  return `OAuth "Facebook Platform" "${errorCode}" "${message}"`;
}
