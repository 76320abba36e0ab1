import type { PhoneNumber } from '../../meta/assets/discovery-responses.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { coexistenceOf } from './coexistence.ts';
import type { ConnectionWarning, DiscoveryInput } from './discovery.ts';
import type { WhatsappSearch } from './find-whatsapp-accounts.ts';

/** An account whose webhooks don't reach our app; `meta` if Meta refused the subscription. */
export interface UnsubscribedAccount {
  wabaId: string;
  meta: MetaCause;
}

const NO_WHATSAPP_ACCOUNT = defineErrorCode('status_reason', {
  code: 'no_whatsapp_account',
  detail: 'No WhatsApp Business Account is known for the token.',
  remedy: 'Complete Embedded Signup again, or complete a connect session with the waba_id from its session message.',
});

const WABA_ID_IS_PORTFOLIO = defineErrorCode('status_reason', {
  code: 'waba_id_is_portfolio',
  detail: 'The id supplied for a WhatsApp Business Account belongs to a business portfolio.',
  remedy:
    "Connect again with the waba_id from Embedded Signup's session message; the portfolio's id goes into business_id.",
});

const WEBHOOKS_NOT_SUBSCRIBED = defineErrorCode('status_reason', {
  code: 'webhooks_not_subscribed',
  detail: 'The app is not subscribed to the webhooks of a WhatsApp Business Account.',
  remedy:
    'Check that whatsapp_business_management was granted for this account and that the app has a callback URL for whatsapp_business_account, then connect again to subscribe.',
});

const PHONE_NUMBER_MISSING = defineErrorCode('status_reason', {
  code: 'phone_number_missing',
  detail: 'A WhatsApp Business Account has no phone number yet, so it can neither send nor receive.',
  remedy: 'Add and verify a phone number in WhatsApp Manager, then connect again.',
});

const PHONE_NUMBER_UNVERIFIED = defineErrorCode('status_reason', {
  code: 'phone_number_unverified',
  detail: 'A phone number is not verified yet, so it can neither send nor receive.',
  remedy: 'Verify the number in WhatsApp Manager by text message or call, then register it with a pin.',
});

/** The most serious warning, as a connection shows only one. Null: nothing left to do. */
export function whatsappWarning(
  input: DiscoveryInput,
  search: WhatsappSearch,
  unsubscribed: readonly UnsubscribedAccount[],
): ConnectionWarning | null {
  if (search.accounts.length === 0)
    return search.isGivenIdPortfolio ? idOfPortfolio(input, search) : noAccount(input, search);
  if (unsubscribed.length > 0) return notSubscribed(unsubscribed);
  if (search.isGivenIdPortfolio) return idOfPortfolio(input, search);
  return phoneNumberWarning(input, search);
}

/** Users who just signed up must do so again; for an imported token, an operator may know the account's id. */
function noAccount({ isInteractive, scopes }: DiscoveryInput, { candidates }: WhatsappSearch): ConnectionWarning {
  const detail =
    candidates.length === 0
      ? 'Neither Embedded Signup nor the granted permissions name a WhatsApp Business Account.'
      : `The token can't access the WhatsApp Business Account ${candidates.join(', ')}.`;
  const isExplained = scopes.length > 0 && !scopes.some((scope) => scope === 'whatsapp_business_management');
  return {
    code: NO_WHATSAPP_ACCOUNT.code,
    detail: isExplained
      ? `${detail} It was granted ${scopes.join(', ')}, but not whatsapp_business_management.`
      : detail,
    remedy: isInteractive
      ? 'Create a connect session, complete Embedded Signup again and choose the account. A front end that runs the SDK itself must send the waba_id from its session message.'
      : 'Assign the WhatsApp Business Account to the system user in Business Settings, generate a new token and import it.',
    ...(isInteractive ? { isUnusable: true } : {}),
  };
}

function idOfPortfolio({ hints, isInteractive }: DiscoveryInput, { accounts }: WhatsappSearch): ConnectionWarning {
  const detail = `The waba_id ${hints.wabaId} belongs to a business portfolio, not to a WhatsApp Business Account.`;
  const isConnected = accounts.length > 0;
  return {
    code: WABA_ID_IS_PORTFOLIO.code,
    detail: isConnected ? `${detail} The accounts that the token can access were connected.` : detail,
    remedy: isConnected
      ? "Check that the intended account is among the assets. Next time, send the waba_id from Embedded Signup's session message; the portfolio's id goes into business_id."
      : WABA_ID_IS_PORTFOLIO.remedy,
    ...(isInteractive && !isConnected ? { isUnusable: true } : {}),
  };
}

function notSubscribed(unsubscribed: readonly UnsubscribedAccount[]): ConnectionWarning {
  const meta = unsubscribed[0]?.meta ?? {};
  return {
    code: WEBHOOKS_NOT_SUBSCRIBED.code,
    detail: `The app is not subscribed to the webhooks of the WhatsApp Business Account ${unsubscribed.map(({ wabaId }) => wabaId).join(', ')}, so messages don't arrive.`,
    remedy: WEBHOOKS_NOT_SUBSCRIBED.remedy,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}

/** Checks the account and number just signed up, if known; else all. */
function phoneNumberWarning(input: DiscoveryInput, { accounts }: WhatsappSearch): ConnectionWarning | null {
  const { hints } = input;
  const signedUp = accounts.filter(({ id }) => id === hints.wabaId);
  const judged = signedUp.length > 0 ? signedUp : accounts;
  const empty = judged.filter(({ numbers }) => numbers.length === 0).map(({ id }) => id);
  if (empty.length > 0) {
    const detail = `The WhatsApp Business Account ${empty.join(', ')} has no phone number yet, so it can neither send nor receive.`;
    return { ...PHONE_NUMBER_MISSING, detail };
  }
  const numbers = judged.flatMap((account) =>
    account.numbers.filter((number) => coexistenceOf(number, account.id, input)?.isOnBusinessApp !== true),
  );
  const named = numbers.filter(({ id }) => id === hints.phoneNumberId);
  const unverified = (named.length > 0 ? named : numbers).filter(isUnverified);
  if (unverified.length === 0) return null;
  const names = unverified.map(({ id, displayPhoneNumber }) =>
    displayPhoneNumber === null ? id : `${displayPhoneNumber} (${id})`,
  );
  const detail = `The phone number ${names.join(', ')} is not verified yet, so it can neither send nor receive.`;
  return { ...PHONE_NUMBER_UNVERIFIED, detail };
}

/** Known to be unverified. A number in use counts as verified: an expired verification changes nothing. */
function isUnverified({ codeVerificationStatus, platformType }: PhoneNumber): boolean {
  if (codeVerificationStatus === null || codeVerificationStatus === 'VERIFIED') return false;
  return codeVerificationStatus !== 'EXPIRED' || platformType !== 'CLOUD_API';
}
