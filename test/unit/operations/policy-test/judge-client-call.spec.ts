import { describe, expect, it } from '@jest/globals';
import { judgeClientCall } from '../../../../src/operations/policy-test/judge-client-call.ts';

const SERVICE = {
  role: 'service' as const,
  tenants: ['acme'],
  products: ['whatsapp' as const, 'pages' as const],
  lease_modes: ['gateway' as const],
  allow: { whatsapp: ['POST /*/messages'], '*': ['GET /**'] },
};
const ASK = { method: 'POST' as const, path: '/123/messages', mode: 'gateway' as const };

describe('whether a client may make a call', () => {
  it('names the pattern that allows it', () => {
    expect(judgeClientCall(SERVICE, { ...ASK, product: 'whatsapp' })).toEqual({
      allowed: true,
      results: [
        {
          product: 'whatsapp',
          allowed: true,
          rule: null,
          pattern: 'POST /*/messages',
          reason: 'The pattern POST /*/messages allows it.',
        },
      ],
    });
  });

  it('judges each product of the client if none is named, and allows only what all do', () => {
    expect(judgeClientCall(SERVICE, ASK)).toMatchObject({
      allowed: false,
      results: [
        { product: 'whatsapp', allowed: true },
        { product: 'pages', allowed: false, rule: 'allow' },
      ],
    });
  });

  it.each([
    ['/v26.0/123/messages', 'a version'],
    ['/graph/v26.0/123/messages', 'the address of the gateway'],
  ])('takes %s: %s', (path) => {
    expect(judgeClientCall(SERVICE, { ...ASK, path, product: 'whatsapp' }).allowed).toBe(true);
  });

  it.each([
    [{ ...ASK, product: 'ads' as const }, 'products'],
    [{ ...ASK, product: 'whatsapp' as const, tenant: 'globex' }, 'tenants'],
    [{ ...ASK, product: 'whatsapp' as const, mode: 'token' as const }, 'lease_modes'],
    [{ ...ASK, product: 'whatsapp' as const, method: 'DELETE' as const }, 'allow'],
    [{ ...ASK, product: 'whatsapp' as const, path: '/oauth/access_token' }, 'gateway'],
    [{ ...ASK, product: 'whatsapp' as const, path: '/123//messages' }, 'gateway'],
  ])('refuses %j by %s', (question, rule) => {
    expect(judgeClientCall(SERVICE, question).results).toMatchObject([{ allowed: false, rule, pattern: null }]);
  });

  it('refuses what moves webhooks unless a pattern names it', () => {
    const question = { method: 'DELETE' as const, path: '/123/subscribed_apps', mode: 'gateway' as const };
    const pages = { ...SERVICE, products: ['pages' as const], allow: null };
    expect(judgeClientCall(pages, question).results).toMatchObject([{ allowed: false, rule: 'allow' }]);
    const named = { ...pages, allow: ['DELETE /*/subscribed_apps'] };
    expect(judgeClientCall(named, question)).toMatchObject({ allowed: true });
  });

  it('gives no lease to an admin', () => {
    expect(judgeClientCall({ ...SERVICE, role: 'admin' }, ASK).results[0]).toMatchObject({ rule: 'role' });
  });
});
