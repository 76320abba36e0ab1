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

/** What connecting does for this product. Throws for one that is not in the table, such as one that another release stored. */
export function connectProduct(product: Product): ConnectProduct {
  if (Object.hasOwn(BY_PRODUCT, product)) return BY_PRODUCT[product];
  throw new Error(`${JSON.stringify(product)} is no product that this release connects (${PRODUCTS.join(', ')}).`);
}
