import { type InputError, listProblemTypes, type ProblemCode, type ProblemType } from '../../platform/problem.ts';
import type { Json } from './json.ts';
import { headerReferences, headersOfStatus } from './response-headers.ts';

const PROBLEM_JSON = 'application/problem+json';

/** Responses that many operations share, by the name of their component. */
const SHARED: Readonly<Record<string, readonly ProblemCode[]>> = {
  InvalidRequest: ['invalid_request'],
  Unauthenticated: ['unauthenticated'],
  Forbidden: ['address_not_allowed', 'forbidden'],
  ForbiddenByPolicy: ['address_not_allowed', 'forbidden', 'not_allowed'],
  ForbiddenChange: ['address_not_allowed', 'forbidden', 'origin_not_allowed'],
  ForbiddenChangeByPolicy: ['address_not_allowed', 'forbidden', 'not_allowed', 'origin_not_allowed'],
  ConnectionNotFound: ['connection_not_found'],
  RequestTimeout: ['request_timeout'],
  PayloadTooLarge: ['payload_too_large'],
  UnsupportedMediaType: ['unsupported_media_type'],
  RateLimited: ['rate_limited', 'too_many_attempts'],
  InternalError: ['internal_error'],
  DatabaseUnavailable: ['database_unavailable'],
  ReadUnavailable: ['database_unavailable', 'identity_unavailable'],
  WriteUnavailable: ['database_unavailable', 'identity_unavailable', 'integrity_failure', 'server_busy'],
};

/** Builds the components that describe problems: `schemas.Problem`, `responses`, and an example for each code. */
export function describeProblems(): { schemas: Json; responses: Json; examples: Json } {
  const types = listProblemTypes();
  return {
    schemas: { Problem: problemSchema(types), InputError: INPUT_ERROR, MetaCause: META_CAUSE },
    responses: Object.fromEntries(
      Object.entries(SHARED).map(([name, codes]) => [
        name,
        toResponse(types.filter(({ code }) => codes.includes(code))),
      ]),
    ),
    examples: Object.fromEntries(types.map((type) => [type.code, toExample(type)])),
  };
}

/**
 * Returns the responses of an operation with these problems, by status: references to components, except for statuses
 * in `described`, for which the operation also has other media types.
 */
export function problemResponses(codes: readonly ProblemCode[], described: readonly string[]): Record<string, Json> {
  const types = listProblemTypes().filter(({ code }) => codes.includes(code));
  const responses: Record<string, Json> = {};
  for (const status of new Set(types.map((type) => type.status))) {
    const ofStatus = types.filter((type) => type.status === status);
    const shared = Object.entries(SHARED).find(([, members]) => isSame(members, ofStatus))?.[0];
    const isInline = shared === undefined || described.includes(String(status));
    responses[status] = isInline ? toResponse(ofStatus) : { $ref: `#/components/responses/${shared}` };
  }
  return responses;
}

function isSame(codes: readonly ProblemCode[], types: readonly ProblemType[]): boolean {
  return codes.length === types.length && types.every(({ code }) => codes.includes(code));
}

function toResponse(types: readonly ProblemType[]): Json {
  const narrowed = {
    type: 'object',
    properties: { status: { const: types[0]?.status }, code: { enum: types.map(({ code }) => code) } },
  };
  return {
    description: types.map(({ code, title }) => `\`${code}\`: ${title}`).join('\n\n'),
    headers: headerReferences(headersOfStatus(String(types[0]?.status))),
    content: {
      [PROBLEM_JSON]: {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, narrowed] },
        examples: Object.fromEntries(types.map(({ code }) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

const EXAMPLE_ERRORS: InputError[] = [
  { path: 'tenant', message: 'must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' },
];

function toExample({ code, status, title, remedy }: ProblemType): Json {
  const about = {
    type: `/problems/${code}`,
    title,
    status,
    code,
    request_id: 'req_01k7gm2v9s8x4d0c6b5a3n1f2e',
    remedy,
  };
  const isInput = code === 'invalid_request';
  return {
    summary: title,
    value: { ...about, detail: isInput ? 'tenant' : title, ...(isInput ? { errors: EXAMPLE_ERRORS } : {}) },
  };
}

const text = (description: string): Json => ({ type: 'string', description });

/** The schema of every error. Lists the codes that the loaded modules define. */
function problemSchema(types: readonly ProblemType[]): Json {
  return {
    type: 'object',
    description: 'An error (RFC 9457). Never contains a token, a secret, or text of Meta.',
    required: ['type', 'title', 'status', 'detail', 'code', 'request_id', 'remedy'],
    properties: {
      type: { ...text('The path of a page of this service about the problem'), format: 'uri-reference' },
      title: text('What kind of problem it is'),
      status: { type: 'integer', description: 'The HTTP status' },
      detail: text('What happened'),
      code: {
        ...text('A stable code. Later versions may add codes: treat unknown ones by their status.'),
        'x-extensible-enum': types.map(({ code }) => code),
      },
      request_id: text('The X-Request-Id of the response; name it in reports'),
      remedy: text('What the client should do'),
      retry_after: {
        type: 'integer',
        minimum: 1,
        description: 'Seconds after which to retry, if known: the same as in Retry-After',
      },
      errors: {
        type: 'array',
        description: 'Where the input is wrong',
        items: { $ref: '#/components/schemas/InputError' },
      },
      meta: { $ref: '#/components/schemas/MetaCause' },
    },
  };
}

const INPUT_ERROR: Json = {
  type: 'object',
  required: ['path', 'message'],
  properties: { path: text('The field or parameter, such as `items[0].url`'), message: text('What is wrong with it') },
};

const META_CAUSE: Json = {
  type: 'object',
  description: 'What Meta reported, if Meta is the cause',
  properties: {
    code: { type: 'integer' },
    subcode: { type: 'integer' },
    type: text("Meta's type of error"),
    fbtrace_id: text("Meta's id of the call, for reports to Meta"),
  },
};
