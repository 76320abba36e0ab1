import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findRefusalReason } from '../../../../src/gateway/request/call-rules.ts';
import { parseGatewayPath } from '../../../../src/gateway/request/gateway-path.ts';

const outcomeOf = (path: string, ...methods: string[]): 'passes' | 'refused' | 'no path' => {
  const parsed = parseGatewayPath(path);
  if (parsed === null) return 'no path';
  return findRefusalReason({ methods, segments: parsed.segments, fields: [], ids: [], callbacks: [] }) === null
    ? 'passes'
    : 'refused';
};

describe('paths that pass', () => {
  it.each([
    ['/graph', []],
    ['/graph/', []],
    ['/graph/v26.0', []],
    ['/graph/v26.0/', []],
    ['/graph/me', ['me']],
    ['/graph/me/', ['me']],
    ['/graph/v24.0/act_12/insights', ['act_12', 'insights']],
    ['/graph/12_34/comments', ['12_34', 'comments']],
    ['/graph/m_mid.$cAAB:x=', ['m_mid.$cAAB:x=']],
    ['/graph/t_1-2', ['t_1-2']],
    ['/graph/upload:MTphdHRh%3D%3D', ['upload:MTphdHRh==']],
    ['/graph/%6de', ['me']],
    ['/graph/me/permissions', ['me', 'permissions']],
  ])('%s', (path, segments) => {
    expect(parseGatewayPath(path)?.segments).toEqual(segments);
    expect(outcomeOf(path, 'get')).toBe('passes');
  });

  it('name their host', () => {
    expect(parseGatewayPath('/graph-video/v26.0/1/videos')).toMatchObject({ route: 'video', version: 'v26.0' });
    expect(parseGatewayPath('/rupload/video-upload/v26.0/1')).toMatchObject({ route: 'rupload', version: null });
    expect(parseGatewayPath('/graph/rupload/a')).toMatchObject({ route: 'rupload', segments: ['a'] });
    expect(parseGatewayPath('/graph/lookaside.fbsbx.com/a')).toMatchObject({ route: 'media', segments: ['a'] });
    expect(parseGatewayPath('/graphs/me')).toBeNull();
    expect(parseGatewayPath('/%67raph/me')).toBeNull();
  });
});

describe('paths that are none', () => {
  it.each([
    '/graph//me',
    '/graph/me//feed',
    '/graph/me/..',
    '/graph/../v1',
    '/graph/./me',
    '/graph/.../me',
    '/graph/%2e%2e/me',
    '/graph/%2E./me',
    '/graph/me%2ffeed',
    '/graph/me%2Ffeed',
    '/graph/me%5cfeed',
    '/graph/me\\feed',
    '/graph/me;x=1',
    '/graph/me%3bx',
    '/graph/%256de',
    '/graph/%zz',
    '/graph/%',
    '/graph/m%00e',
    '/graph/me%20',
    '/graph/me%0d%0aX:1',
    '/graph/%EF%BD%8De',
    '/graph/ｍe',
    '/graph/me#a',
    '/graph/https://graph.facebook.com/me',
    '/graph/http:%2f%2fevil',
    '/graph/{id}',
    '/graph/me%3Faccess_token=1',
    '/graph/"me"',
  ])('%s', (path) => expect(outcomeOf(path, 'get')).toBe('no path'));
});

describe('calls that mint, inspect or revoke', () => {
  it.each([
    '/graph/oauth/access_token',
    '/graph/v26.0/oauth/access_token',
    '/graph/v26.0/v24.0/oauth/access_token',
    '/graph/OAUTH/revoke',
    '/graph/oauth',
    '/graph/oauth/',
    '/graph/oauth/client_code',
    '/graph/%6f%61uth/x',
    '/graph/debug_token',
    '/graph/Debug_Token',
    '/graph/access_token',
    '/graph/refresh_access_token',
    '/graph/1/access_tokens',
    '/graph/1/system_user_access_tokens',
    '/graph/1/access_token',
    '/graph/me/accounts/access_token',
    '/graph/oauth.json/x',
    '/graph/access_token.json',
    '/graph/device/login',
    '/graph/restserver.php',
    '/graph/method/auth.expireSession',
    '/graph-video/oauth/access_token',
    '/graph/rupload/oauth/x',
  ])('are refused whatever the method: %s', (path) => {
    for (const method of ['get', 'post', 'delete', 'head']) expect(outcomeOf(path, method)).toBe('refused');
  });

  it.each([
    '/graph/me/permissions',
    '/graph/1/permissions/email',
    '/graph/ME/PERMISSIONS/',
    '/graph/permissions',
    '/graph/me/permissions.json',
  ])('are refused as DELETE: %s', (path) => {
    expect(outcomeOf(path, 'delete')).toBe('refused');
    expect(outcomeOf(path, 'post', 'delete')).toBe('refused');
    expect(outcomeOf(path, 'get', '["delete"]')).toBe('refused');
    expect(outcomeOf(path, 'get')).toBe('passes');
  });
});

it('sends no character on that a second reading would change', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const path = parseGatewayPath(`/graph/${text}`);
      for (const segment of path?.segments ?? []) {
        expect(segment).toMatch(/^[A-Za-z0-9_.:$@+,=~-]+$/);
        expect(segment).not.toMatch(/^\.+$/);
      }
    }),
  );
});
