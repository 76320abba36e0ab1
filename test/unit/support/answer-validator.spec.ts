import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AnswerValidator } from '../../support/answers/answer-validator.ts';
import type { Answer } from '../../support/answers/record-answers.mjs';

const PROBLEM = {
  type: 'object',
  required: ['code'],
  properties: {
    code: { type: 'string' },
    errors: { type: 'array', items: { $ref: '#/components/schemas/InputError' } },
  },
};
const NARROWED = { type: 'object', properties: { code: { enum: ['lease_not_found'] } } };
const problem = {
  content: { 'application/problem+json': { schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, NARROWED] } } },
};

const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Test', version: '1' },
  paths: {
    '/v1/leases/{id}': {
      get: {
        responses: {
          '200': {
            headers: { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } },
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Lease' } } },
          },
          '404': problem,
        },
      },
      delete: { responses: { '204': {} } },
    },
    '/v1/leases/introspect': { get: { responses: { '200': { content: { 'text/plain': { schema: {} } } } } } },
  },
  components: {
    headers: { 'X-Request-Id': { required: true, schema: { type: 'string' } } },
    schemas: {
      Problem: PROBLEM,
      InputError: { type: 'object', properties: { path: { type: 'string' } } },
      Lease: {
        type: 'object',
        required: ['id'],
        properties: {
          id: { type: 'string' },
          ended_at: { type: ['string', 'null'], format: 'date-time' },
          asset: { anyOf: [{ $ref: '#/components/schemas/Asset' }, { type: 'null' }] },
        },
      },
      Asset: { type: 'object', properties: { name: { type: 'string' } } },
    },
  },
} as unknown as OpenAPIObject;

const validator = new AnswerValidator(DOCUMENT);

function faultsOf(body: unknown, answer: Partial<Answer> = {}): string[] {
  return validator.validate({
    method: 'GET',
    url: '/v1/leases/lse_1?x=1',
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', 'x-request-id': 'req_1' },
    body: body === undefined ? '' : JSON.stringify(body),
    ...answer,
  });
}

const problemOf = (body: object, answer: Partial<Answer> = {}) =>
  faultsOf(body, { status: 404, headers: { 'content-type': 'application/problem+json' }, ...answer });

describe('an answer', () => {
  it('passes if it is described', () => {
    expect(faultsOf({ id: 'lse_1', ended_at: null, asset: { name: 'Acme' } })).toEqual([]);
    expect(faultsOf({ id: 'lse_1', asset: null })).toEqual([]);
    expect(problemOf({ code: 'lease_not_found', errors: [{ path: 'id' }] })).toEqual([]);
    expect(faultsOf(undefined, { method: 'DELETE', status: 204, headers: {} })).toEqual([]);
    expect(faultsOf(undefined, { method: 'HEAD' })).toEqual([]);
  });

  it('fails for properties that no schema names, at any depth', () => {
    const of = 'GET /v1/leases/{id} → 200 application/json:';
    expect(faultsOf({ id: 'lse_1', more: 1 })).toEqual([`${of} body must NOT have additional properties (more)`]);
    expect(faultsOf({ id: 'lse_1', asset: { name: 'Acme', more: 1 } })).toContain(
      `${of} /asset must NOT have additional properties (more)`,
    );
    expect(problemOf({ code: 'lease_not_found', more: 1 }).join()).toContain(
      'must NOT have unevaluated properties (more)',
    );
    expect(problemOf({ code: 'lease_not_found', errors: [{ more: 1 }] }).join()).toContain('(more)');
  });

  it('fails for missing and wrong values, other codes, formats and headers', () => {
    expect(faultsOf({}).join()).toContain("must have required property 'id'");
    expect(faultsOf({ id: 'lse_1', ended_at: 'soon' }).join()).toContain('must match format "date-time"');
    expect(problemOf({ code: 'other' }).join()).toContain('must be equal to one of the allowed values');
    expect(faultsOf({ id: 'lse_1' }, { headers: { 'content-type': 'application/json' } })).toEqual([
      'GET /v1/leases/{id} → 200 application/json: no X-Request-Id',
    ]);
  });

  it('fails for other statuses, media types, and bodies where there are none', () => {
    expect(faultsOf({ id: 'lse_1' }, { status: 202 })).toEqual([
      'GET /v1/leases/{id} → 202 application/json: no such status',
    ]);
    expect(faultsOf({}, { url: '/v1/leases/introspect' })).toEqual([
      'GET /v1/leases/introspect → 200 application/json: no such media type',
    ]);
    expect(faultsOf({}, { method: 'DELETE', status: 204 }).join()).toContain('a body');
  });

  it('of an unknown path or method may only be a problem of the request', () => {
    expect(problemOf({ code: 'not_found' }, { url: '/v1/nothing' })).toEqual([]);
    expect(problemOf({ code: 'method_not_allowed' }, { method: 'PUT', status: 405 })).toEqual([]);
    expect(faultsOf({}, { url: '/v1/nothing' }).join()).toContain('no such operation');
  });
});
