import type { RemovedAccount } from '../connections/assets/removed-account.service.ts';
import { idOf, itemsOf, type JsonNode, member, stringOf } from './json-node.ts';

const MILLISECONDS_FROM = 1e11;

/**
 * WhatsApp Business Accounts that the entry says are no longer shared with our app
 * (docs/meta-facts.md#partner_removed).
 */
export function findRemovedAccounts(object: string, entry: JsonNode): RemovedAccount[] {
  if (object !== 'whatsapp_business_account') return [];
  const removedAt = instantOf(member(entry, 'time'));
  return itemsOf(member(entry, 'changes')).flatMap((change) => {
    const value = member(change, 'value');
    const isRemoval =
      stringOf(member(change, 'field')) === 'account_update' && stringOf(member(value, 'event')) === 'PARTNER_REMOVED';
    if (!isRemoval) return [];
    const accountId = idOf(member(member(value, 'waba_info'), 'waba_id')) ?? idOf(member(entry, 'id'));
    const cause = stringOf(member(member(value, 'disconnection_info'), 'reason'));
    return accountId === null ? [] : [{ accountId, removedAt, cause }];
  });
}

/** Unix time in seconds or, in some of Meta's events, milliseconds. Null: missing or out of range. */
function instantOf(node: JsonNode | undefined): Date | null {
  const text = node?.kind === 'literal' ? node.text : stringOf(node);
  if (text === null || !/^\d{1,15}$/.test(text)) return null;
  const number = Number(text);
  return new Date(number < MILLISECONDS_FROM ? number * 1000 : number);
}
