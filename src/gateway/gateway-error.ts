import { defineErrorCode } from '../platform/error-code.ts';

/** Value of `error.error_data.code`. */
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
  /** Meta's code for it, so that SDKs raise their usual exceptions: docs/meta-facts.md#errors */
  metaCode: number;
  isTransient: boolean;
  message: string;
  /** Shown on its problem page; absent if a problem has the same code. */
  remedy?: string;
}

const ERROR_DEFINITIONS: Readonly<Record<GatewayErrorCode, ErrorDefinition>> = {
  lease_invalid: {
    status: 401,
    metaCode: 190,
    isTransient: false,
    message: 'The lease is unknown or has ended: get a new one with POST /v1/leases.',
    remedy: 'Get a new one with POST /v1/leases.',
  },
  path_not_allowed: {
    status: 403,
    metaCode: 200,
    isTransient: false,
    message: 'The gateway does not allow this call.',
    remedy:
      'The message says why. Create, inspect and revoke tokens by the routes under /v1. Calls that move or end ' +
      'webhooks need an allow list that names the path.',
  },
  registration_not_allowed: {
    status: 403,
    metaCode: 200,
    isTransient: false,
    message:
      'This number is also used in the WhatsApp Business app (coexistence). It is already registered, and registering it ' +
      'again would remove it from the app: send with it as it is.',
  },
  address_not_allowed: {
    status: 403,
    metaCode: 200,
    isTransient: false,
    message: 'The client of this lease may not call from this address.',
  },
  invalid_request: { status: 400, metaCode: 100, isTransient: false, message: 'The request cannot be parsed.' },
  payload_too_large: {
    status: 413,
    metaCode: 100,
    isTransient: false,
    message:
      'Forms, fields before a file, and JSON without a Content-Length may have at most 1 MiB; send files as ' +
      'multipart/form-data or as plain bytes.',
  },
  request_timeout: {
    status: 408,
    metaCode: 100,
    isTransient: true,
    message:
      'The body arrived too slowly: send at least 16 KiB per second, and without a lease finish within 30 seconds.',
  },
  server_busy: {
    status: 503,
    metaCode: 2,
    isTransient: true,
    message: 'The service is receiving too much right now.',
  },
  too_many_calls: {
    status: 429,
    metaCode: 4,
    isTransient: true,
    message: 'Too many concurrent calls.',
    remedy: 'Make fewer calls at a time, and retry after Retry-After.',
  },
  meta_unavailable: { status: 502, metaCode: 2, isTransient: true, message: 'Meta did not respond.' },
  answer_refused: {
    status: 502,
    metaCode: 2,
    isTransient: false,
    message: "Meta's response could not be passed on safely.",
    remedy: 'Request complete JSON in UTF-8, with no encoding but gzip, br or deflate.',
  },
  database_unavailable: {
    status: 503,
    metaCode: 2,
    isTransient: true,
    message: 'The lease cannot be checked right now.',
  },
  credential_unreadable: {
    status: 503,
    metaCode: 2,
    isTransient: false,
    message: 'The stored token of this connection cannot be decrypted.',
  },
  internal_error: { status: 500, metaCode: 1, isTransient: true, message: 'Something went wrong on our side.' },
};

for (const [code, { message: detail, remedy }] of Object.entries(ERROR_DEFINITIONS)) {
  if (remedy !== undefined) defineErrorCode('error_data', { code, detail, remedy });
}

/** Returns every error of the gateway, for the API document. `remedy` is left to the problem pages. */
export function listGatewayErrors(): (Omit<ErrorDefinition, 'remedy'> & { code: GatewayErrorCode })[] {
  return Object.entries(ERROR_DEFINITIONS).map(([code, { remedy: _, ...definition }]) => ({
    code: code as GatewayErrorCode,
    ...definition,
  }));
}

/** An error of the gateway, not of Meta. The message is public; `cause` is only logged. */
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

  /** Meta's error shape: docs/meta-facts.md#errors */
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
