import { PRODUCTS, type Product } from '../../../../src/config/products.ts';
import { loginFlow } from '../../../../src/meta/dialog/login-flows.ts';
import { expectedTokenKinds, missingScopesOfToken, scopesOf } from '../../../../src/meta/dialog/product-scopes.ts';
import { productDescriptor } from '../../../../src/meta/dialog/products.ts';
import { tokenKind } from '../../../../src/meta/tokens/token-kinds.ts';

describe('the table of products', () => {
  it.each([
    ['whatsapp', ['embedded_signup', 'facebook_login', 'import'], ['system_user', 'user', 'page']],
    ['instagram', ['facebook_login', 'instagram_login', 'import'], ['system_user', 'user', 'page', 'instagram_user']],
    ['ads', ['facebook_login', 'import'], ['system_user', 'user', 'page']],
    ['pages', ['facebook_login', 'import'], ['system_user', 'user', 'page']],
    ['threads', ['threads_login', 'import'], ['threads_user']],
  ] as const)(
    'says of %s which flows it has, the main one first, and what can be imported',
    (product, flows, kinds) => {
      const descriptor = productDescriptor(product);
      expect(descriptor.flows).toEqual(flows);
      expect(descriptor.mainFlow).toBe(flows[0]);
      expect(descriptor.importedKinds).toEqual(kinds);
      expect(expectedTokenKinds(product, 'import')).toEqual(kinds);
    },
  );

  it('has scopes for the host of every flow and of every importable kind', () => {
    for (const product of PRODUCTS) {
      const { flows, importedKinds, scopes } = productDescriptor(product);
      const hosts = [
        ...flows.map((flow) => loginFlow(flow).tokenHost),
        ...importedKinds.map((kind) => tokenKind(kind).host),
      ];
      for (const host of hosts) if (host !== null) expect([product, host, scopes[host]]).not.toContain(undefined);
      expect(scopesOf(product, 'import')).toBe(scopesOf(product, productDescriptor(product).mainFlow));
    }
  });

  it.each([
    ['instagram', 'instagram_user', ['instagram_business_basic']],
    ['instagram', 'page', ['instagram_basic', 'pages_show_list', 'pages_read_engagement']],
    ['threads', 'threads_user', ['threads_basic']],
    ['ads', 'user', ['ads_management', 'ads_read']],
  ] as const)('requires the scopes of the login that a token of %s comes from (%s)', (product, kind, required) => {
    expect(missingScopesOfToken(product, kind, ['x'])).toEqual(required);
    expect(missingScopesOfToken(product, kind, required)).toEqual([]);
    expect(missingScopesOfToken(product, kind, [])).toEqual([]);
  });

  it('reports no WhatsApp scope as missing if a token has none, because such tokens can reach accounts', () => {
    const missing = (...granted: string[]) => missingScopesOfToken('whatsapp', 'system_user', granted);
    expect(missing('whatsapp_business_manage_events')).toEqual([]);
    expect(missing('business_management')).toEqual([]);
    expect(missing('whatsapp_business_management')).toEqual(['whatsapp_business_messaging']);
  });

  it('lists every product under its own name', () => {
    expect(PRODUCTS.map((product) => productDescriptor(product).product)).toEqual(PRODUCTS);
  });

  it.each(['messenger', '', 'valueOf'])('rejects the product %j with a message', (product) => {
    expect(() => productDescriptor(product as Product)).toThrow(
      `Unknown product ${JSON.stringify(product)}: this release knows whatsapp, instagram, ads, pages, threads.`,
    );
  });
});
