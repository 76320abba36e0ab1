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
      'the WhatsApp Business accounts that you choose, with their phone numbers and message templates',
      'the messages that customers send to these numbers',
      'the right to send messages from these numbers',
    ],
  },
};
