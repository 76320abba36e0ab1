import type { PhoneNumber, WabaRecord } from '../state/records.ts';
import { type ControlAction, post, rest, text } from './control-action.ts';

/** WhatsApp accounts, numbers and webhooks. Webhooks go to `url` if given, else to the app's webhook URL. */
export const whatsappActions: ControlAction[] = [
  post('wabas', '{id?, name?, businessId}', (s, b) =>
    s.make.waba({ ...(b as Partial<WabaRecord>), businessId: text(b, 'businessId') }),
  ),
  post(
    'phone-numbers',
    '{id?, wabaId, displayPhoneNumber?, verifiedName?, registered?, pin?, verification?: VERIFIED|NOT_VERIFIED, ' +
      'platformType?, isOnBizApp?, onboardedAt?: epoch ms, synchronized?: [history, smb_app_state_sync]}',
    (s, b) => s.make.phone({ ...(b as Partial<PhoneNumber>), wabaId: text(b, 'wabaId') }),
  ),
  post('phone-numbers/patch', '{id, ...as phone-numbers}', (s, b) =>
    s.make.patchPhone(text(b, 'id'), rest(b, 'id') as Partial<PhoneNumber>),
  ),
  post(
    'whatsapp/partner-added',
    '{wabaId, event?, url?, appId?}: account_update PARTNER_ADDED -> {status, body}',
    (s, b) => s.whatsapp.announce(text(b, 'wabaId'), b),
  ),
  post(
    'whatsapp/leave',
    '{wabaId, url?, appId?} -> {status, body}: account_update PARTNER_REMOVED; the account is out of reach, and a ' +
      'new signup may synchronize again',
    (s, b) => s.whatsapp.leave(text(b, 'wabaId'), b),
  ),
  post('whatsapp/echo', '{phoneId, to?, text?, url?, appId?}: smb_message_echoes -> {status, body}', (s, b) =>
    s.whatsapp.echo(text(b, 'phoneId'), b),
  ),
  post(
    'whatsapp/message',
    '{phoneId, from?, name?, username?, text?, url?, appId?} -> {status, body}: username without from: no number',
    (s, b) => s.whatsapp.message(text(b, 'phoneId'), b),
  ),
  post(
    'whatsapp/status',
    '{phoneId, from?, username?, messageId?, status?, url?, appId?}: from is the recipient -> {status, body}',
    (s, b) => s.whatsapp.status(text(b, 'phoneId'), b),
  ),
];
