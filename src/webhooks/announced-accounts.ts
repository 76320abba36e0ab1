import type { AnnouncedAccount } from '../connections/announced-accounts/announced-account.ts';
import { idOf, itemsOf, type JsonNode, member, stringOf } from './json-node.ts';

/**
 * Sent to the partner whose signup a customer completed. The second name is unconfirmed
 * (docs/meta-facts.md#partner_added).
 */
const EVENTS: readonly (string | null)[] = ['PARTNER_ADDED', 'PARTNER_APP_INSTALLED'];

/** WhatsApp Business Accounts that the entry says were shared with our app. */
export function findAnnouncedAccounts(
  object: string,
  entry: JsonNode,
): Pick<AnnouncedAccount, 'wabaId' | 'businessId'>[] {
  if (object !== 'whatsapp_business_account') return [];
  return itemsOf(member(entry, 'changes')).flatMap((change) => {
    const value = member(change, 'value');
    const isAnnouncement =
      stringOf(member(change, 'field')) === 'account_update' && EVENTS.includes(stringOf(member(value, 'event')));
    const account = member(value, 'waba_info');
    const wabaId = idOf(member(account, 'waba_id'));
    if (!isAnnouncement || wabaId === null) return [];
    return [{ wabaId, businessId: idOf(member(account, 'owner_business_id')) }];
  });
}
