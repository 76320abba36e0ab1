import { defineErrorCode } from '../platform/error-code.ts';

/** The value of `error.error_data.code`. */
export type GatewayErrorCode =
  | 'lease_invalid'
  | 'path_not_allowed'
  | 'address_not_allowed'
  | 'registration_not_allowed'
  | 'invalid_request'
  | 'payload_too_large'
  | 'request_timeout'
  | 'server_busy'
  | 'too_many_calls'
  | 'meta_unavailable'
  | 'answer_refused'
  | 'database_unavailable'
  | 'credential_unreadable'
  | 'internal_error';

interface ErrorDefinition {
  status: number;
  /** The code that Meta uses for it, so that SDKs raise their usual exceptions (META.md 12.1). */
  metaCode: number;
  isTransient: boolean;
  message: string;
  /** For its problem page; absent where a problem has the same code. */
  remedy?: string;
}

const ERROR_DEFINITIONS: Readonly<Record<GatewayErrorCode, ErrorDefinition>> = {
  lease_invalid: {
    status: 401,
    metaCode: 190,
    isTransient: false,
    message: 'The lease is unknown or has ended: take a new one from POST /v1/leases.',
    remedy: 'Take a new one from POST /v1/leases.',
  },
  path_not_allowed: {
    status: 403,
    metaCode: 200,
    isTransient: false,
    message: 'This call does not pass the gateway.',
    remedy:
      'Tokens are not made, looked at or ended through it (use the routes under /v1 for that), and the webhooks that Meta sends here are not moved or ended through it, unless the allow list of the client names the path. The message says which it is.',
  },
  registration_not_allowed: {
    status: 403,
    metaCode: 200,
    isTransient: false,
    message:
      'This number is used in the WhatsApp Business app as well (coexistence). It is registered already, and registering it again would take it out of the app: send with it as it is.',
  },
  address_not_allowed: {
    status: 403,
    metaCode: 200,
    isTransient: false,
    message: 'The client of this lease may not call from this address.',
  },
  invalid_request: { status: 400, metaCode: 100, isTransient: false, message: 'The request cannot be read.' },
  payload_too_large: {
    status: 413,
    metaCode: 100,
    isTransient: false,
    message:
      'Forms and the fields ahead of a file may have 1 MiB, and so may JSON that comes without a Content-Length; send files as multipart/form-data or as plain bytes.',
  },
  request_timeout: {
    status: 408,
    metaCode: 100,
    isTransient: true,
    message: 'The body came too slowly: send 16 KiB a second or more, without a lease within 30 seconds.',
  },
  server_busy: {
    status: 503,
    metaCode: 2,
    isTransient: true,
    message: 'The service has too much to take in at the moment.',
  },
  too_many_calls: {
    status: 429,
    metaCode: 4,
    isTransient: true,
    message: 'Too many calls at once.',
    remedy: 'Send fewer at a time; try again after Retry-After.',
  },
  meta_unavailable: { status: 502, metaCode: 2, isTransient: true, message: 'Meta did not respond.' },
  answer_refused: {
    status: 502,
    metaCode: 2,
    isTransient: false,
    message: 'The response of Meta could not be passed on safely.',
    remedy: 'Ask for JSON in UTF-8, without a coding other than gzip, br or deflate, and whole.',
  },
  database_unavailable: {
    status: 503,
    metaCode: 2,
    isTransient: true,
    message: 'The lease cannot be looked at for the moment.',
  },
  credential_unreadable: {
    status: 503,
    metaCode: 2,
    isTransient: false,
    message: 'The stored token of this connection does not open.',
  },
  internal_error: { status: 500, metaCode: 1, isTransient: true, message: 'Something went wrong on our side.' },
};

for (const [code, { message: detail, remedy }] of Object.entries(ERROR_DEFINITIONS)) {
  if (remedy !== undefined) defineErrorCode('error_data', { code, detail, remedy });
}

/** An error of the gateway itself. Its texts are public; `cause` is for the log. */
export class GatewayError extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number | null;

  constructor(
    readonly code: GatewayErrorCode,
    options: { detail?: string; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(options.detail ?? ERROR_DEFINITIONS[code].message, { cause: options.cause });
    this.name = 'GatewayError';
    this.status = ERROR_DEFINITIONS[code].status;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }

  /** In Meta's error shape (META.md 12). */
  body(): string {
    const { metaCode, isTransient } = ERROR_DEFINITIONS[this.code];
    return JSON.stringify({
      error: {
        message: this.message,
        type: 'OAuthException',
        code: metaCode,
        is_transient: isTransient,
        error_data: { code: this.code },
      },
    });
  }

  headers(): Record<string, string> {
    return {
      'content-type': 'application/json; charset=UTF-8',
      ...(this.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(this.retryAfterSeconds === null ? {} : { 'retry-after': String(this.retryAfterSeconds) }),
    };
  }
}
