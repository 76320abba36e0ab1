import { describe, expect, it } from '@jest/globals';
import { findPatternError, isAllowed, patternsForProduct } from '../../../../src/auth/policy/allow-policy.ts';

const allows = (pattern: string, method: string, path: string): boolean =>
  isAllowed(
    [pattern],
    method,
    path.split('/').filter((segment) => segment !== ''),
  );

describe('a pattern', () => {
  it.each([
    ['GET /*/insights', 'GET', '/act_1/insights'],
    ['GET /*/insights', 'HEAD', '/act_1/insights'],
    ['GET /act_*/insights', 'GET', '/act_1/insights'],
    ['POST /*/messages', 'POST', '/123/messages'],
    ['ANY /me', 'DELETE', '/me'],
    ['* /me', 'POST', '/me'],
    ['GET /', 'GET', '/'],
    ['GET /**', 'GET', '/'],
    ['GET /**', 'GET', '/a/b/c'],
    ['GET /**', 'GET', '/rupload/a'],
    ['GET /me/**', 'GET', '/me'],
    ['GET /me/**', 'GET', '/me/a/b'],
    ['POST /upload:*', 'POST', '/upload:MTph'],
    ['POST /rupload/*/*', 'POST', '/rupload/ig-api-upload/1'],
  ])('%s covers %s %s', (pattern, method, path) => {
    expect(findPatternError(pattern)).toBeNull();
    expect(allows(pattern, method, path)).toBe(true);
  });

  it.each([
    ['GET /*/insights', 'POST', '/act_1/insights'],
    ['GET /*/insights', 'OPTIONS', '/act_1/insights'],
    ['GET /*/insights', 'GET', '/insights'],
    ['GET /*/insights', 'GET', '/act_1/insights/more'],
    ['GET /*/insights', 'GET', '/act_1/Insights'],
    ['GET /*/insights', 'GET', '/v24.0/insights'],
    ['GET /act_*/insights', 'GET', '/act_/insights'],
    ['GET /act_*/insights', 'GET', '/12/insights'],
    ['GET /*', 'GET', '/'],
    ['POST /*/*', 'POST', '/rupload/1'],
    ['GET /*/**', 'GET', '/lookaside.fbsbx.com/1'],
    ['GET /me/**', 'GET', '/you'],
    ['GET /a*a', 'GET', '/a'],
  ])('%s does not cover %s %s', (pattern, method, path) => {
    expect(allows(pattern, method, path)).toBe(false);
  });

  it.each([
    '',
    'GET',
    'GET ',
    'GET me',
    ' GET /me',
    'GET  /me',
    'GET /me ',
    'GET /me /you',
    'get /me',
    'HEAD /me',
    'FETCH /me',
    '/me',
    'GET //me',
    'GET /me/',
    'GET /me//x',
    'GET /../x',
    'GET /.',
    'GET /%2e',
    'GET /a?b=c',
    'GET /a#b',
    'GET /**/x',
    'GET /a**',
    'GET /***',
    'GET /a*b*',
    'GET /v26.0/me',
    'GET /V1.0',
    'GET https://graph.facebook.com/me',
    'GET /m\u0000e',
    'GET /mé',
    `GET /${'a'.repeat(300)}`,
    7,
    null,
    ['GET /me'],
  ])('rejects %j', (pattern) => {
    expect(findPatternError(pattern)).toMatch(/^must /);
  });
});

describe('the patterns of a product', () => {
  it('are null without a policy, and the same for every product if the policy is a list', () => {
    expect(patternsForProduct(null, 'ads')).toBeNull();
    expect(patternsForProduct(['GET /me'], 'ads')).toEqual(['GET /me']);
    expect(patternsForProduct([], 'ads')).toEqual([]);
  });

  it("are the product's own list, else that of *, else none", () => {
    const policy = { '*': ['GET /**'], whatsapp: ['POST /*/messages'] };
    expect(patternsForProduct(policy, 'whatsapp')).toEqual(['POST /*/messages']);
    expect(patternsForProduct(policy, 'ads')).toEqual(['GET /**']);
    expect(patternsForProduct({ whatsapp: ['GET /me'] }, 'ads')).toEqual([]);
  });
});
