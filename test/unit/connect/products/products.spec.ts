import { PRODUCTS, type Product } from '../../../../src/config/products.ts';
import { connectProduct } from '../../../../src/connect/products/products.ts';
import { productDescriptor } from '../../../../src/meta/dialog/products.ts';

describe('the table of connect products', () => {
  it.each([
    ['whatsapp', 'discoverWhatsapp', {}, true],
    [
      'instagram',
      'discoverInstagramByPages',
      { page: 'discoverInstagramOfPage', instagram_user: 'discoverOwnInstagramAccount' },
      false,
    ],
    ['ads', 'discoverAdAccounts', {}, false],
    ['pages', 'discoverPages', { page: 'discoverOwnPage' }, false],
    ['threads', 'discover', {}, false],
  ] as const)(
    'defines for %s how assets are discovered and whether pins apply',
    (product, discover, byKind, hasPhoneNumbers) => {
      const descriptor = connectProduct(product);
      expect(descriptor.discover.name).toBe(discover);
      const names = Object.entries(descriptor.discoverByKind).map(([kind, each]) => [kind, each.name]);
      expect(Object.fromEntries(names)).toEqual(byKind);
      expect(descriptor.hasPhoneNumbers).toBe(hasPhoneNumbers);
    },
  );

  it('has every product under its own name, with kinds that the product can have', () => {
    for (const product of PRODUCTS) {
      expect(connectProduct(product).product).toBe(product);
      const { importedKinds } = productDescriptor(product);
      expect(importedKinds).toEqual(expect.arrayContaining(Object.keys(connectProduct(product).discoverByKind)));
    }
  });

  it('rejects an unknown product with a message', () => {
    expect(() => connectProduct('messenger' as Product)).toThrow(
      '"messenger" is not a product of this release (whatsapp, instagram, ads, pages, threads).',
    );
  });
});
