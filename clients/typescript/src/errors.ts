import type { Schemas } from './operation-types.ts';

/** What Meta said about a failure that it caused. */
export type MetaCause = Schemas['MetaCause'];
export type InputError = Schemas['InputError'];

interface ErrorFields {
  code: string;
  detail: string;
  status?: number | undefined;
  remedy?: string | undefined;
  retryAfter?: number | undefined;
  requestId?: string | undefined;
  meta?: MetaCause | undefined;
  errors?: InputError[] | undefined;
}

/** Keys, leases, and tokens of Meta or an issuer: a response may repeat what it was sent. */
const SECRET = /\b(?:mt[lv]_|EAA|IGAA|THAA|eyJ)[\w.-]{8,}/g;

/** A refusal by the service. Holds no key and no token. */
export class MetavaultError extends Error {
  override readonly name: string = 'MetavaultError';
  /** A stable code, as listed at `/problems`. `unexpected_answer`: not one of the service's answers. */
  readonly code: string;
  /** What happened. */
  readonly detail: string;
  /** HTTP status; null without a response. */
  readonly status: number | null;
  /** What to do. */
  readonly remedy: string | null;
  /** Seconds to wait before another attempt. */
  readonly retryAfter: number | null;
  /** Include it in reports: the service's log contains it as well. */
  readonly requestId: string | null;
  /** Set if Meta caused the failure. */
  readonly meta: MetaCause | null;
  /** Where the input is wrong. */
  readonly errors: readonly InputError[];

  constructor(fields: ErrorFields) {
    const detail = fields.detail.replace(SECRET, '[redacted]');
    super(`${fields.code}: ${detail}`);
    this.code = fields.code;
    this.detail = detail;
    this.status = fields.status ?? null;
    this.remedy = fields.remedy ?? null;
    this.retryAfter = fields.retryAfter ?? null;
    this.requestId = fields.requestId ?? null;
    this.meta = fields.meta ?? null;
    this.errors = fields.errors ?? [];
  }
}

/** A Graph call that failed: `code` is the gateway's, or `meta_error` for Meta's own errors, which `meta` describes. */
export class GraphError extends MetavaultError {
  override readonly name = 'GraphError';
}

/** No response: `code` is `unreachable` or `timeout`. */
export class UnreachableError extends MetavaultError {
  override readonly name = 'UnreachableError';
}

/** Reads the problem in a response of the API (RFC 9457). */
export async function readProblem(response: Response): Promise<MetavaultError> {
  const about = describeAnswer(response);
  const body = (await readObject(response)) as Partial<Schemas['Problem']>;
  if (typeof body.code !== 'string') return new MetavaultError(unexpected(response));
  const { code, detail = code, remedy, request_id: requestId = about.requestId, meta, errors } = body;
  return new MetavaultError({ ...about, code, detail, remedy, requestId, meta, errors });
}

/** Reads an error in Meta's shape, from Meta or from the gateway: docs/api.md#gateway */
export async function readGraphError(response: Response): Promise<GraphError> {
  const about = describeAnswer(response);
  const { error } = (await readObject(response)) as Partial<Schemas['MetaErrorResponse']>;
  if (typeof error !== 'object' || error === null) return new GraphError(unexpected(response));
  const { code, error_subcode: subcode, type, fbtrace_id, message } = error;
  const detail = message ?? `Status ${response.status}.`;
  const own = gatewayCode({ error });
  if (own !== null) return new GraphError({ ...about, code: own, detail });
  const meta = {
    ...(code === undefined ? {} : { code }),
    ...(subcode === undefined ? {} : { subcode }),
    ...(type === undefined ? {} : { type }),
    ...(fbtrace_id === undefined ? {} : { fbtrace_id }),
  };
  return new GraphError({ ...about, code: 'meta_error', detail, meta });
}

/** Returns the code of a refusal by the gateway; null if Meta answered. */
export function gatewayCode(body: unknown): string | null {
  const { error } = (body ?? {}) as { error?: { error_data?: { code?: unknown } } };
  const code = error?.error_data?.code;
  return typeof code === 'string' ? code : null;
}

/** Reads a JSON object; an empty one if the body is anything else. */
export async function readObject(response: Response): Promise<object> {
  const body: unknown = await response.json().catch(() => null);
  return typeof body === 'object' && body !== null ? body : {};
}

/** Returns the seconds of `Retry-After` in either form (RFC 9110 10.2.3); undefined without it. */
export function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

function describeAnswer(response: Response): Pick<ErrorFields, 'status' | 'retryAfter' | 'requestId'> {
  return {
    status: response.status,
    retryAfter: readRetryAfter(response.headers),
    requestId: response.headers.get('x-request-id') ?? undefined,
  };
}

function unexpected(response: Response): ErrorFields {
  const detail = `Status ${response.status} without an answer of Metavault: something in between may have answered.`;
  return { ...describeAnswer(response), code: 'unexpected_answer', detail };
}
