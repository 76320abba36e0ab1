import { describe, expect, it } from '@jest/globals';
import type { Schema } from '../../support/answers/close-schema.ts';
import { type ApiDescription, findBreakingChanges, reduceToContract } from '../../support/api-changes.ts';

const json = (schema: Schema) => ({ content: { 'application/json': { schema } } });
const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
});

const REQUEST = object({ mode: { type: 'string', enum: ['a', 'b'] }, ttl: { type: 'integer' } }, ['mode']);
const ANSWER = object({ id: { type: 'string' }, data: { type: 'array', items: object({ at: { type: 'string' } }) } }, [
  'id',
]);

function document(change: { request?: Schema; answer?: Schema; event?: Schema } = {}): ApiDescription {
  const operation = {
    operationId: 'issueLease',
    parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer' } }],
    requestBody: json({ $ref: '#/components/schemas/Request' }),
    responses: { '201': json({ $ref: '#/components/schemas/Answer' }), '404': {} },
  };
  const receive = { operationId: 'receive', requestBody: json({ $ref: '#/components/schemas/Event' }), responses: {} };
  return {
    paths: { '/v1/leases': { post: operation } },
    webhooks: { 'a.created': { post: receive } },
    components: {
      schemas: {
        Request: change.request ?? REQUEST,
        Answer: change.answer ?? ANSWER,
        Event: change.event ?? object({ id: { type: 'string' } }),
      },
    },
  };
}

const changesTo = (after: ApiDescription): string[] => findBreakingChanges(document(), after);

describe('changes that break a client', () => {
  it('none if nothing changed, also against the reduced copy', () => {
    expect(changesTo(document())).toEqual([]);
    expect(findBreakingChanges(reduceToContract(document()), document())).toEqual([]);
  });

  it('removed paths, operations, answers, parameters and events', () => {
    expect(changesTo({ ...document(), paths: {}, webhooks: {} })).toEqual([
      'POST /v1/leases: removed',
      'event POST a.created: removed',
    ]);
    const { post } = document().paths['/v1/leases'] as { post: ApiDescription['paths'][string][string] };
    const changed = { ...post, operationId: 'lease', parameters: [], responses: {} };
    expect(changesTo({ ...document(), paths: { '/v1/leases': { post: changed } } })).toEqual([
      'POST /v1/leases: operation renamed to lease',
      'POST /v1/leases: parameter limit removed',
      'POST /v1/leases: 201 removed',
    ]);
  });

  it('in requests: a field that is required, removed, or takes less', () => {
    const request = object({ mode: { type: 'string', enum: ['a'] }, more: { type: 'string' } }, ['mode', 'more']);
    expect(changesTo(document({ request }))).toEqual([
      'POST /v1/leases: body mode value b removed',
      'POST /v1/leases: body ttl removed',
      'POST /v1/leases: body more required',
    ]);
  });

  it('in answers: a field that is removed, may be missing, or has another type', () => {
    const answer = object({ id: { type: ['string', 'null'] }, data: { type: 'array', items: object({}) } });
    expect(changesTo(document({ answer }))).toEqual([
      'POST /v1/leases: 201 id changed from string to string or null',
      'POST /v1/leases: 201 id no longer always there',
      'POST /v1/leases: 201 data[].at removed',
    ]);
    expect(changesTo(document({ event: object({}) }))).toEqual(['event POST a.created id removed']);
  });
});

describe('changes that do not', () => {
  it('optional fields and more values in requests, more fields in answers', () => {
    const request = object(
      { ...(REQUEST['properties'] as object), mode: { type: 'string', enum: ['a', 'b', 'c'] }, more: {} },
      ['mode'],
    );
    const answer = object({ ...(ANSWER['properties'] as object), more: { type: 'string' } }, ['id', 'more']);
    expect(changesTo(document({ request, answer }))).toEqual([]);
  });
});
