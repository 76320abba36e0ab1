import { listGatewayErrors } from '../../gateway/gateway-error.ts';
import type { Json } from './json.ts';
import { headerReferences, headersOfStatus } from './response-headers.ts';
import { LEASE_SECURITY } from './security-schemes.ts';

const ANY_JSON = { description: 'As Meta describes it', example: { id: '17841400000000000', name: 'Acme' } };

/** How one path of the gateway is described. */
interface GatewayRoute {
  /** Part of the operation ids. */
  name: string;
  path: string;
  methods: readonly ('get' | 'post' | 'delete')[];
  host: string;
  example: string;
}

const ROUTES: readonly GatewayRoute[] = [
  {
    name: 'Graph',
    path: '/graph/{path}',
    methods: ['get', 'post', 'delete'],
    host: 'the Graph API',
    example: 'v26.0/me/accounts',
  },
  {
    name: 'GraphVideo',
    path: '/graph-video/{path}',
    methods: ['post'],
    host: 'the video host',
    example: 'v26.0/me/videos',
  },
  {
    name: 'ResumableUpload',
    path: '/rupload/{path}',
    methods: ['get', 'post'],
    host: 'the host of resumable uploads',
    example: 'video-upload/v26.0/1234567890',
  },
];

const VERBS = { get: 'read', post: 'write', delete: 'delete' } as const;

/** Describes the gateway, which no controller serves (docs/api.md#gateway). */
export function describeGateway(): { paths: Json; schemas: Json; responses: Json } {
  const graph = ROUTES.map((route) => [route.path, describePath(route)] as const);
  return {
    paths: { '/graph': { post: describeBatch() }, ...Object.fromEntries(graph) },
    schemas: { GatewayErrorResponse: gatewayErrorSchema(), MetaErrorResponse: META_ERROR },
    responses: errorResponses(),
  };
}

function describePath({ name, methods, host, example }: GatewayRoute): Json {
  const parameter = {
    name: 'path',
    in: 'path',
    required: true,
    description: "Meta's path, slashes included, with or without a version in front",
    schema: { type: 'string' },
    example,
  };
  const operations = methods.map((method) => [
    method,
    {
      operationId: `${VERBS[method]}${name}`,
      tags: ['gateway'],
      summary: `Call ${host} with ${method.toUpperCase()}`,
      description:
        `Sends the call to ${host} with the token of the lease, and returns Meta's answer without Meta tokens. Parameters and ` +
        "body are Meta's. Meta's own errors pass unchanged.",
      security: LEASE_SECURITY,
      parameters: [parameter],
      ...(method === 'post' ? { requestBody: GRAPH_BODY } : {}),
      responses: responses(),
    },
  ]);
  return Object.fromEntries(operations);
}

const GRAPH_BODY: Json = {
  description: 'A form, JSON, or the bytes of a file, as Meta takes them. Files are streamed.',
  content: {
    'application/json': { schema: { type: 'object' } },
    'application/x-www-form-urlencoded': { schema: { type: 'object' } },
    'multipart/form-data': { schema: { type: 'object' } },
    'application/octet-stream': { schema: {} },
  },
};

function describeBatch(): Json {
  return {
    operationId: 'batchGraph',
    tags: ['gateway'],
    summary: 'Send a batch of Graph calls',
    description:
      "Meta's batch request. Each item is checked like a call of its own; one that is not allowed refuses the whole batch.",
    security: LEASE_SECURITY,
    requestBody: GRAPH_BODY,
    responses: responses(),
  };
}

const STATUSES = [...new Set(listGatewayErrors().map(({ status }) => status))].sort((a, b) => a - b);

function responses(): Json {
  const errors = STATUSES.map((status) => [String(status), { $ref: `#/components/responses/Gateway${status}` }]);
  return {
    '200': {
      description: "Meta's answer. Its paging links lead to the gateway; tokens in it are leases or removed.",
      headers: headerReferences(headersOfStatus('200')),
      content: { 'application/json': { schema: ANY_JSON }, '*/*': { schema: {} } },
    },
    ...Object.fromEntries(errors),
    default: {
      description: "Any other answer of Meta's, unchanged",
      headers: headerReferences(headersOfStatus('default')),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/MetaErrorResponse' } } },
    },
  };
}

function errorResponses(): Json {
  return Object.fromEntries(STATUSES.map((status) => [`Gateway${status}`, errorResponse(status)]));
}

function errorResponse(status: number): Json {
  const errors = listGatewayErrors().filter((error) => error.status === status);
  const data = { properties: { code: { enum: errors.map(({ code }) => code) } } };
  const ours = {
    allOf: [
      { $ref: '#/components/schemas/GatewayErrorResponse' },
      {
        type: 'object',
        properties: { error: { type: 'object', properties: { error_data: { type: 'object', ...data } } } },
      },
    ],
  };
  return {
    description: [...errors.map(({ code, message }) => `\`${code}\`: ${message}`), "Or an error of Meta's."].join(
      '\n\n',
    ),
    headers: headerReferences(headersOfStatus(String(status))),
    content: {
      'application/json': {
        schema: { anyOf: [ours, { $ref: '#/components/schemas/MetaErrorResponse' }] },
        examples: Object.fromEntries(errors.map((error) => [error.code, { value: toBody(error) }])),
      },
    },
  };
}

function toBody({ code, metaCode, isTransient, message }: ReturnType<typeof listGatewayErrors>[number]): Json {
  return {
    error: { message, type: 'OAuthException', code: metaCode, is_transient: isTransient, error_data: { code } },
  };
}

function gatewayErrorSchema(): Json {
  const codes = listGatewayErrors().map(({ code }) => code);
  return {
    type: 'object',
    description: "An error of the gateway, in the shape of Meta's, so that Meta's SDKs understand it",
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'code', 'is_transient', 'error_data'],
        properties: {
          message: { type: 'string' },
          type: { const: 'OAuthException' },
          code: { type: 'integer', description: "Meta's code for this kind of error" },
          is_transient: { type: 'boolean', description: 'Whether the same call may succeed later' },
          error_data: {
            type: 'object',
            required: ['code'],
            properties: { code: { type: 'string', 'x-extensible-enum': codes } },
          },
        },
      },
    },
  };
}

const META_ERROR: Json = {
  type: 'object',
  description: "Meta's error, unchanged",
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        code: { type: 'integer' },
        error_subcode: { type: 'integer' },
        is_transient: { type: 'boolean' },
        fbtrace_id: { type: 'string' },
      },
      additionalProperties: true,
    },
  },
  additionalProperties: true,
};
