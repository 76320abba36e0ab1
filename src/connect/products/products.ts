import { PRODUCTS, type Product } from '../../config/products.ts';
import { ADS } from './ads.ts';
import type { ConnectProduct } from './connect-product.ts';
import { INSTAGRAM } from './instagram.ts';
import { PAGES } from './pages.ts';
import { THREADS } from './threads.ts';
import { WHATSAPP } from './whatsapp.ts';

const BY_PRODUCT: Readonly<Record<Product, ConnectProduct>> = {
  whatsapp: WHATSAPP,
  instagram: INSTAGRAM,
  ads: ADS,
  pages: PAGES,
  threads: THREADS,
};

/** Throws for unknown products, such as one stored by another release. */
export function connectProduct(product: Product): ConnectProduct {
  if (Object.hasOwn(BY_PRODUCT, product)) return BY_PRODUCT[product];
  throw new Error(`${JSON.stringify(product)} is not a product of this release (${PRODUCTS.join(', ')}).`);
}
