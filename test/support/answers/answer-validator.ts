import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { closeSchema, type Schema } from './close-schema.ts';
import type { Answer } from './record-answers.mjs';

interface MediaType {
  schema?: Schema;
  examples?: Record<string, unknown>;
}

interface Response {
  $ref?: string;
  headers?: Record<string, { $ref?: string; required?: boolean }>;
  content?: Record<string, MediaType>;
}

interface Operation {
  responses: Record<string, Response>;
}

interface Path {
  template: string;
  pattern: RegExp;
  operations: Record<string, Operation>;
}

/** Problems of requests that reach no operation: unknown paths and methods, and HTTP that we do not accept. */
const UNROUTED = new Set([400, 404, 405, 408, 413, 414, 415, 431, 500, 503]);

/** Compares answers with an API document. Compiles each schema on first use. */
export class AnswerValidator {
  readonly #paths: readonly Path[];
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  readonly #compiled = new Map<unknown, ValidateFunction>();

  constructor(private readonly document: OpenAPIObject) {
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    const schemas = Object.entries((document.components?.schemas ?? {}) as Record<string, Schema>);
    this.#ajv.addSchema(toDefinitions('closed', schemas));
    this.#ajv.addSchema(toDefinitions('open', schemas));
    this.#paths = Object.entries(document.paths as unknown as Record<string, Record<string, Operation>>)
      .map(([template, operations]) => ({ template, pattern: toPattern(template), operations }))
      // Fixed segments win over parameters, as in the router.
      .sort((a, b) => a.template.split('{').length - b.template.split('{').length);
  }

  /** Returns what is wrong with an answer; empty if the document describes it. */
  validate(answer: Answer): string[] {
    const { method, status } = answer;
    const [path = ''] = answer.url.split('?', 1);
    const found = this.#paths.find(({ pattern }) => pattern.test(path));
    const operation = found?.operations[method === 'HEAD' ? 'get' : method.toLowerCase()];
    const name = `${method} ${found?.template ?? path} → ${status} ${mediaTypeOf(answer)}`;
    if (operation === undefined) return this.#validateUnrouted(answer).map((fault) => `${name}: ${fault}`);
    const { responses } = operation;
    const described = responses[status] ?? responses[`${String(status).charAt(0)}XX`] ?? responses['default'];
    if (described === undefined) return [`${name}: no such status`];
    return this.#validateResponse(answer, this.#resolve(described)).map((fault) => `${name}: ${fault}`);
  }

  #validateUnrouted(answer: Answer): string[] {
    if (answer.method === 'OPTIONS' || answer.url.startsWith('/graph') || answer.url.startsWith('/rupload')) return [];
    if (!UNROUTED.has(answer.status)) return ['no such operation'];
    if (answer.method === 'HEAD') return [];
    return this.#validateBody({ $ref: '#/components/schemas/Problem' }, answer);
  }

  #validateResponse(answer: Answer, response: Response): string[] {
    const missing = Object.entries(response.headers ?? {})
      .filter(
        ([name, header]) => this.#resolve(header).required === true && answer.headers[name.toLowerCase()] === undefined,
      )
      .map(([name]) => `no ${name}`);
    return [...missing, ...this.#validateContent(answer, response)];
  }

  #validateContent(answer: Answer, { content = {} }: Response): string[] {
    if (answer.method === 'HEAD' || isForwarded(answer)) return [];
    const mediaType = mediaTypeOf(answer);
    const isEmpty = answer.body === '';
    if (Object.keys(content).length === 0) return isEmpty ? [] : ['a body'];
    const described = content[mediaType] ?? content['*/*'];
    if (described === undefined) return [isEmpty ? 'no body' : 'no such media type'];
    if (!mediaType.endsWith('json') || described.schema === undefined) return [];
    return this.#validateBody(described.schema, answer);
  }

  #validateBody(schema: Schema, answer: Answer): string[] {
    let body: unknown;
    try {
      body = JSON.parse(answer.body);
    } catch {
      return ['not JSON'];
    }
    const validate = this.#compile(schema);
    return validate(body) ? [] : (validate.errors ?? []).map(toFault);
  }

  #compile(schema: Schema): ValidateFunction {
    const known = this.#compiled.get(schema) ?? this.#ajv.compile(closeSchema(schema) as AnySchema);
    this.#compiled.set(schema, known);
    return known;
  }

  #resolve<T extends { $ref?: string }>(part: T): T {
    if (part.$ref === undefined) return part;
    const steps = part.$ref.slice('#/'.length).split('/');
    let found: unknown = this.document;
    for (const step of steps) found = (found as Record<string, unknown>)[step];
    return found as T;
  }
}

function toDefinitions(id: string, schemas: readonly [string, Schema][]): AnySchema {
  const mode = id === 'closed' ? 'closed' : 'outer open';
  return { $id: id, $defs: Object.fromEntries(schemas.map(([name, schema]) => [name, closeSchema(schema, mode)])) };
}

/** Meta describes its own answers. Ours have a code in `error_data`. */
function isForwarded({ url, body }: Answer): boolean {
  return /^\/(?:graph|graph-video|rupload)(?:[/?]|$)/.test(url) && !/"error_data":\{"code":"/.test(body);
}

function mediaTypeOf({ headers }: Answer): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** A parameter matches one segment; the gateway's `{path}` any number. A trailing slash is ignored. */
function toPattern(template: string): RegExp {
  const source = template
    .replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&')
    .replaceAll('{path}', '.*')
    .replaceAll(/\{[^}]+\}/g, '[^/]+');
  return new RegExp(`^${source}${template === '/' ? '' : '/?'}$`);
}

function toFault({ instancePath, message = '', params }: ErrorObject): string {
  const { additionalProperty, unevaluatedProperty, allowedValues } = params as Record<string, unknown>;
  const name = additionalProperty ?? unevaluatedProperty ?? allowedValues;
  return `${instancePath === '' ? 'body' : instancePath} ${message}${name === undefined ? '' : ` (${String(name)})`}`;
}
