import { describe, expect, it } from '@jest/globals';
import '../../../../src/auth/auth-problems.ts';
import '../../../../src/auth/credentials/jwt-verifier.ts';
import '../../../../src/database/fail-fast-pool.ts';
import '../../../../src/database/integrity-failures.ts';
import { leaseNotFound } from '../../../../src/leases/lease-problems.ts';
import {
  completeOperation,
  type OperationObject,
} from '../../../../src/operations/documentation/complete-operation.ts';
import { ROUTE_FACTS, type RouteFacts } from '../../../../src/operations/documentation/describe-routes.ts';
import type { Json } from '../../../../src/operations/documentation/json.ts';

const FOR_ADMINS: RouteFacts = {
  roles: ['admin', 'auditor'],
  isForOperators: false,
  problems: [leaseNotFound.code],
  hasErrorPages: false,
  waitsForStandby: false,
  needsFreshSignIn: false,
};
const FOR_ALL: RouteFacts = { ...FOR_ADMINS, roles: null, problems: [] };

function complete(method: string, path: string, facts: RouteFacts, operation: OperationObject = {}): OperationObject {
  return completeOperation(method, path, { ...operation, [ROUTE_FACTS]: facts });
}

const statusesOf = ({ responses = {} }: OperationObject): string[] => Object.keys(responses);

describe('an operation with roles', () => {
  const operation = complete('get', '/v1/leases/{id}', FOR_ADMINS, {
    description: 'Never shows its token.',
    responses: { '200': { description: 'The lease' } },
  });

  it('takes a key, an issuer’s token, or a person’s session, and names the roles', () => {
    expect(operation['security']).toEqual([{ apiKey: [] }, { issuerToken: [] }, { consoleSession: [] }]);
    expect(operation.description).toBe('Never shows its token.\n\nRoles: admin, auditor.');
    expect(operation).not.toHaveProperty(ROUTE_FACTS);
  });

  it('may be refused by the guard, and by its own problems', () => {
    expect(statusesOf(operation).sort()).toEqual(['200', '400', '401', '403', '404', '429', '500', '503']);
    const content = operation.responses?.['404']?.['content'] as { 'application/problem+json': { schema: Json } };
    const codes = JSON.stringify(content['application/problem+json'].schema);
    expect(codes).toContain('"enum":["lease_not_found","not_found"]');
  });

  it('has a request id in every answer, and tells the limit', () => {
    expect(Object.keys(operation.responses?.['200']?.['headers'] as Json)).toEqual([
      'X-Request-Id',
      'RateLimit-Policy',
      'RateLimit',
    ]);
  });
});

it('an operation that takes an Idempotency-Key says when an answer is a repeated one', () => {
  const { responses } = complete('post', '/v1/clients', FOR_ADMINS, {
    parameters: [{ name: 'Idempotency-Key', in: 'header' }],
    responses: { '201': { description: 'The client' } },
  });
  expect(Object.keys(responses?.['201']?.['headers'] as Json)).toContain('Idempotency-Replayed');
});

describe('an operation for everyone', () => {
  it('takes no credential', () => {
    const operation = complete('get', '/health/live', FOR_ALL);
    expect(operation['security']).toEqual([]);
    expect(statusesOf(operation)).toEqual(['400', '500', '503']);
  });

  it('may refuse a body if its method has one', () => {
    expect(statusesOf(complete('post', '/webhooks/meta', FOR_ALL))).toEqual(['400', '408', '413', '415', '500', '503']);
  });

  it('keeps its own media types beside the problems of a status', () => {
    const own = { description: 'Not ready', content: { 'application/json': { schema: {} } } };
    const { responses } = complete('get', '/health/ready', FOR_ALL, { responses: { '503': own } });
    expect(responses?.['503']).toMatchObject({ description: 'Not ready' });
    expect(Object.keys(responses?.['503']?.['content'] as Json).sort()).toEqual([
      'application/json',
      'application/problem+json',
    ]);
  });
});
