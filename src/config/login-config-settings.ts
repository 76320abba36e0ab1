import type { Product } from './products.ts';

/** Settings with the Facebook Login for Business configuration of each product. */
export const LOGIN_CONFIG_SETTINGS: Readonly<Partial<Record<Product, string>>> = {
  whatsapp: 'META_LOGIN_CONFIG_ID_WHATSAPP',
  instagram: 'META_LOGIN_CONFIG_ID_INSTAGRAM',
  ads: 'META_LOGIN_CONFIG_ID_ADS',
  pages: 'META_LOGIN_CONFIG_ID_PAGES',
};
