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
  table.add(['GET', 'POST'], '/hooks/:app');
  table.add('POST', '/hooks/end');

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
    ['/hooks/1', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/hooks/end', ['OPTIONS', 'POST']],
  ])('finds for %s the methods %j', (path, methods) => {
    expect(table.methodsOf(path)).toEqual(methods);
  });

  it.each([
    ['GET', '/hooks/end', true],
    ['GET', '/hooks/end/?a=1', true],
    ['POST', '/hooks/end', false],
    ['OPTIONS', '/hooks/end', false],
    ['GET', '/hooks/1', false],
    ['GET', '/hooks/:app', false],
    ['HEAD', '/v1/clients', false],
    ['PATCH', '/nothing', false],
  ])('says whether %s %s would be taken for another path: %s', (method, path, isRefused) => {
    expect(table.refuses(method, path)).toBe(isRefused);
  });
});
