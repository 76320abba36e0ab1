import { discoverWhatsapp } from '../discovery/discover-whatsapp.ts';
import type { ConnectProduct } from './connect-product.ts';

export const WHATSAPP: ConnectProduct = {
  product: 'whatsapp',
  discover: discoverWhatsapp,
  discoverByKind: {},
  hasPhoneNumbers: true,
  inPlainWords: {
    title: 'WhatsApp',
    whatIsConnected: 'your WhatsApp Business account',
    whatIsShared: [
      'the WhatsApp Business accounts you choose, with their phone numbers and message templates',
      'messages that customers send to these numbers',
      'permission to send messages from these numbers',
    ],
  },
};
