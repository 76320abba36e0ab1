import { describe, expect, it } from '@jest/globals';
import { RouteTable } from '../../../../src/platform/http-server/route-table.ts';

describe('RouteTable', () => {
  const table = new RouteTable();
  table.add('GET', '/');
  table.add('GET', '/v1/clients');
  table.add(['POST'], '/v1/clients');
  table.add('DELETE', '/v1/clients/:id');
  table.add(['GET', 'PUT'], '/graph/*');
  table.add('GET', '/openapi.json');

  it.each([
    ['/', ['GET', 'HEAD', 'OPTIONS']],
    ['/v1/clients', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/v1/clients?limit=1', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/v1/clients/cli_1', ['DELETE', 'OPTIONS']],
    ['/v1/clients/cli_1/keys', []],
    ['/v1/clients/', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/v1/clients//', []],
    ['/v1//clients', []],
    ['//', []],
    ['/graph/v26.0/me', ['GET', 'HEAD', 'OPTIONS', 'PUT']],
    ['/openapi.json', ['GET', 'HEAD', 'OPTIONS']],
    ['/openapixjson', []],
  ])('finds for %s the methods %j', (path, methods) => {
    expect(table.methodsOf(path)).toEqual(methods);
  });
});
