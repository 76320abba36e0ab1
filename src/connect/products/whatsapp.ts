import { discoverWhatsapp } from '../discovery/discover-whatsapp.ts';
import type { ConnectProduct } from './connect-product.ts';

export const WHATSAPP: ConnectProduct = {
  product: 'whatsapp',
  discover: discoverWhatsapp,
  discoverByKind: {},
  hasPhoneNumbers: true,
};
