import { describe, expect, it } from '@jest/globals';
import { isCovered } from '../../../../src/gateway/request/call-rules.ts';
import { parseGatewayPath, policySegments } from '../../../../src/gateway/request/gateway-path.ts';

function covered(pattern: string, path: string, methods: string[], ids: string[] = []): boolean {
  const parsed = parseGatewayPath(path);
  if (parsed === null) throw new Error(`${path} is no path`);
  return isCovered([pattern], { methods, segments: policySegments(parsed), fields: [], ids, callbacks: [] });
}

describe('a call that is held to a pattern', () => {
  it.each([
    ['GET /*/insights', '/graph/v26.0/act_1/insights', ['get']],
    ['GET /*/insights', '/graph/act_1/insights/', ['head']],
    ['GET /*/insights', '/graph/act_1/insights', ['post', 'get']],
    ['DELETE /*', '/graph/1_2', ['post', 'delete']],
    ['POST /*/videos', '/graph-video/v26.0/1/videos', ['post']],
    ['POST /*/videos', '/graph/graph-video/v26.0/1/videos', ['post']],
    ['POST /rupload/*/*', '/rupload/ig-api-upload/v26.0/1', ['post']],
    ['POST /rupload/*/*', '/graph/rupload/ig-api-upload/v26.0/1', ['post']],
    ['GET /lookaside.fbsbx.com/**', '/graph/lookaside.fbsbx.com/whatsapp_business/attachments', ['get']],
  ])('%s: %s %j passes', (pattern, path, methods) => {
    expect(covered(pattern, path, methods)).toBe(true);
  });

  it.each([
    ['GET /*/insights', '/graph/act_1/insights', ['post']],
    ['GET /*/insights', '/graph/act_1/insights', ['get', 'delete']],
    ['GET /*/insights', '/graph/act_1/insights', ['post', 'delete']],
    ['GET /*/insights', '/graph/act_1/insights', ['post', 'get', 'delete']],
    ['POST /*/insights', '/graph/act_1/insights', ['get', 'post']],
    ['GET /*/insights', '/graph/act_1/insights', ['post', '["get"]']],
    ['GET /*/insights', '/graph/v26.0/v24.0/insights', ['get']],
    ['POST /*/*', '/rupload/ig-api-upload/1', ['post']],
    ['GET /*/**', '/graph/lookaside.fbsbx.com/1', ['get']],
    ['POST /*/videos', '/rupload/1/videos', ['post']],
  ])('%s: %s %j is refused', (pattern, path, methods) => {
    expect(covered(pattern, path, methods)).toBe(false);
  });
});

describe('a call that names objects besides its path', () => {
  it.each([
    ['GET /*', '/graph', ['get'], ['1,2']],
    ['GET /*', '/graph', ['get'], ['["1", "2"]']],
    ['GET /*', '/graph', ['get'], ['https://example.com/a']],
    ['GET /*/insights', '/graph/insights', ['get'], ['act_1,act_2']],
    ['GET /*/**', '/graph/act_1/insights', ['get'], ['act_2']],
  ])('%s: %s %j with ids %j passes', (pattern, path, methods, ids) => {
    expect(covered(pattern, path, methods, ids)).toBe(true);
  });

  it.each([
    ['GET /me', '/graph', ['get'], ['1']],
    ['GET /me', '/graph', ['get'], ['me,1']],
    ['GET /me', '/graph', ['get'], ['me', '1']],
    ['GET /me', '/graph/me', ['get'], ['1']],
    ['GET /*', '/graph', ['get'], ['me/accounts']],
    ['GET /*', '/graph', ['get'], ['1,../2']],
    ['GET /*/insights', '/graph/act_1/insights', ['get'], ['act_2']],
    ['GET /*/insights', '/graph/accounts', ['get'], ['1']],
    ['POST /*', '/graph', ['post'], ['1']],
    ['GET /*', '/graph', ['get', 'delete'], ['1']],
  ])('%s: %s %j with ids %j is refused', (pattern, path, methods, ids) => {
    expect(covered(pattern, path, methods, ids)).toBe(false);
  });
});
