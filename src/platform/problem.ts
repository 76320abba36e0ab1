/**
 * All problem codes. Modules add theirs with `declare module`; a test compares these with the definitions.
 *
 * @public Augmented by modules.
 */
export interface ProblemCodes {
  internal_error: true;
  invalid_request: true;
  method_not_allowed: true;
  not_found: true;
  payload_too_large: true;
  request_timeout: true;
  server_busy: true;
  service_unavailable: true;
  unsupported_media_type: true;
}

/** A closed union: an undefined code does not compile. */
export type ProblemCode = keyof ProblemCodes;

/** A kind of problem. Its page is `/problems/{code}`. */
export interface ProblemType<C extends ProblemCode = ProblemCode> {
  /** Stable, in snake_case. */
  readonly code: C;
  readonly status: number;
  readonly title: string;
  /** What the client should do. */
  readonly remedy: string;
}

/** The part of Meta's error that is safe to show. Never its message or body, which can quote a token. */
export interface MetaCause {
  code?: number;
  subcode?: number;
  type?: string;
  fbtrace_id?: string;
}

/** Where the input is wrong; `path` looks like `items[0].url`. */
export interface InputError {
  path: string;
  message: string;
}

export interface ProblemOccurrence {
  /** Public text about this occurrence; default: the type's title. Never a secret. */
  detail?: string;
  /** Overrides the type's remedy. */
  remedy?: string;
  errors?: InputError[];
  meta?: MetaCause;
  retryAfterSeconds?: number;
  /** For the log only. */
  cause?: unknown;
  /** The cause is already logged, so it is not logged again for each request. */
  isLogged?: boolean;
}

const problemTypes = new Map<string, ProblemType>();

/**
 * Defines a kind of problem at module level, next to the code that throws it. The problem pages and the API document
 * list all definitions.
 *
 * @throws Error if the code is taken
 */
export function defineProblem<const C extends ProblemCode>(
  code: C,
  status: number,
  title: string,
  remedy: string,
): ProblemType<C> {
  if (problemTypes.has(code)) throw new Error(`problem ${code} is defined twice`);
  const type = Object.freeze({ code, status, title, remedy });
  problemTypes.set(code, type);
  return type;
}

/** Returns every kind of problem that the loaded modules define, sorted by code. */
export function listProblemTypes(): ProblemType[] {
  return [...problemTypes.values()].sort((a, b) => a.code.localeCompare(b.code));
}

/** The only error class that becomes an HTTP response (RFC 9457). All other errors are a 500. */
export class AppError extends Error {
  readonly detail: string;
  readonly remedy: string;

  constructor(
    readonly type: ProblemType,
    readonly occurrence: ProblemOccurrence = {},
  ) {
    super(`${type.code}: ${occurrence.detail ?? type.title}`, { cause: occurrence.cause });
    this.name = 'AppError';
    this.detail = occurrence.detail ?? type.title;
    this.remedy = occurrence.remedy ?? type.remedy;
  }

  get code(): ProblemCode {
    return this.type.code;
  }
}

export const invalidRequest = defineProblem(
  'invalid_request',
  400,
  'The request is not valid.',
  'Correct the fields named in errors and send the request again.',
);
export const notFound = defineProblem('not_found', 404, 'There is nothing here.', 'Check the path and the id.');
export const methodNotAllowed = defineProblem(
  'method_not_allowed',
  405,
  'This path does not accept that method.',
  'See /docs for the methods of each path.',
);
export const payloadTooLarge = defineProblem(
  'payload_too_large',
  413,
  'The body is larger than 1 MiB.',
  'Send a smaller body.',
);
export const requestTimeout = defineProblem(
  'request_timeout',
  408,
  'The request arrived too slowly.',
  'On a new connection, send the headers within 10 seconds and the body at 16 KiB a second or faster (without ' +
    'credentials: within 30 seconds).',
);
export const serverBusy = defineProblem(
  'server_busy',
  503,
  'The service has too many requests to read right now.',
  'Try again after the time in Retry-After.',
);
export const unsupportedMediaType = defineProblem(
  'unsupported_media_type',
  415,
  'This media type is not supported.',
  'Send JSON in UTF-8 with Content-Type: application/json.',
);
export const internalError = defineProblem(
  'internal_error',
  500,
  'Something went wrong on our side.',
  'Try again later. If it persists, report the request_id.',
);
export const serviceUnavailable = defineProblem(
  'service_unavailable',
  503,
  'The service cannot do this right now.',
  'Try again after the time in Retry-After.',
);

const MAX_SHOWN_LENGTH = 100;

/** Cuts caller-supplied text, such as a field name, to 100 characters, so that an error can quote it. */
export function shortened(text: string): string {
  return text.length <= MAX_SHOWN_LENGTH ? text : `${text.slice(0, MAX_SHOWN_LENGTH - 1)}…`;
}

export function invalidInputError(path: string, message: string): AppError {
  const shown = shortened(path);
  return new AppError(invalidRequest, { detail: `${shown} ${message}`, errors: [{ path: shown, message }] });
}
