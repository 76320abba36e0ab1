import type { PhoneNumber } from '../../meta/assets/discovery-responses.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { coexistenceOf } from './coexistence.ts';
import type { ConnectionWarning, DiscoveryInput } from './discovery.ts';
import type { WhatsappSearch } from './find-whatsapp-accounts.ts';

/** An account whose webhooks do not come to our app; `meta` where Meta refused the subscription. */
export interface UnsubscribedAccount {
  wabaId: string;
  meta: MetaCause;
}

const NO_WHATSAPP_ACCOUNT = defineErrorCode('status_reason', {
  code: 'no_whatsapp_account',
  detail: 'No WhatsApp Business Account is known for the token.',
  remedy:
    'Go through Embedded Signup again to its end, or complete a connect session with the waba_id of its session message.',
});

const WABA_ID_IS_PORTFOLIO = defineErrorCode('status_reason', {
  code: 'waba_id_is_portfolio',
  detail: 'The id that was given for a WhatsApp Business Account is one of a business portfolio.',
  remedy:
    'Connect again and give the waba_id of the session message of Embedded Signup; the id of the portfolio goes into business_id.',
});

const WEBHOOKS_NOT_SUBSCRIBED = defineErrorCode('status_reason', {
  code: 'webhooks_not_subscribed',
  detail: 'The app is not subscribed to the webhooks of a WhatsApp Business Account.',
  remedy:
    'Check that whatsapp_business_management was granted for this account and that the app has a callback URL for whatsapp_business_account, then connect again: that subscribes anew.',
});

const PHONE_NUMBER_MISSING = defineErrorCode('status_reason', {
  code: 'phone_number_missing',
  detail: 'A WhatsApp Business Account has no phone number yet, so it can neither send nor receive.',
  remedy: 'Add a phone number to the account in WhatsApp Manager and verify it, then connect again: that finds it.',
});

const PHONE_NUMBER_UNVERIFIED = defineErrorCode('status_reason', {
  code: 'phone_number_unverified',
  detail: 'A phone number is not verified yet, so it can neither send nor receive.',
  remedy: 'Verify the number in WhatsApp Manager by the code of a text message or call, then register it with a pin.',
});

/** What is left to do of all that was found; the gravest first, for a connection shows one. Null: nothing. */
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

/** Users who just signed up have to do it again; for an imported token, an operator may know the account's id. */
function noAccount({ isInteractive, scopes }: DiscoveryInput, { candidates }: WhatsappSearch): ConnectionWarning {
  const detail =
    candidates.length === 0
      ? 'Neither Embedded Signup nor the granted permissions name a WhatsApp Business Account.'
      : `The token may not see the WhatsApp Business Account ${candidates.join(', ')}.`;
  const isExplained = scopes.length > 0 && !scopes.some((scope) => scope === 'whatsapp_business_management');
  return {
    code: NO_WHATSAPP_ACCOUNT.code,
    detail: isExplained
      ? `${detail} It was granted ${scopes.join(', ')} and not whatsapp_business_management.`
      : detail,
    remedy: isInteractive
      ? 'Create a connect session and go through Embedded Signup again to its end, choosing the account; a front end that runs the SDK itself gives the waba_id of its session message along.'
      : 'Give the system user the WhatsApp Business Account in the business settings, then import a token that was made after that.',
    ...(isInteractive ? { isUnusable: true } : {}),
  };
}

function idOfPortfolio({ hints, isInteractive }: DiscoveryInput, { accounts }: WhatsappSearch): ConnectionWarning {
  const detail = `The waba_id ${hints.wabaId} is the id of a business portfolio, not of a WhatsApp Business Account.`;
  const isConnected = accounts.length > 0;
  return {
    code: WABA_ID_IS_PORTFOLIO.code,
    detail: isConnected ? `${detail} The accounts that the token reaches were connected.` : detail,
    remedy: isConnected
      ? 'See whether the account that was meant is among the assets. Next time, give the waba_id of the session message of Embedded Signup; the id of the portfolio goes into business_id.'
      : WABA_ID_IS_PORTFOLIO.remedy,
    ...(isInteractive && !isConnected ? { isUnusable: true } : {}),
  };
}

function notSubscribed(unsubscribed: readonly UnsubscribedAccount[]): ConnectionWarning {
  const meta = unsubscribed[0]?.meta ?? {};
  return {
    code: WEBHOOKS_NOT_SUBSCRIBED.code,
    detail: `The app is not subscribed to the webhooks of the WhatsApp Business Account ${unsubscribed.map(({ wabaId }) => wabaId).join(', ')}: no message reaches it.`,
    remedy: WEBHOOKS_NOT_SUBSCRIBED.remedy,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}

/** Of the account and number that were just signed up, where that is known; else of all. */
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

/** Known not to be verified. A number that is in use is: its verification may have expired since, which changes nothing. */
function isUnverified({ codeVerificationStatus, platformType }: PhoneNumber): boolean {
  if (codeVerificationStatus === null || codeVerificationStatus === 'VERIFIED') return false;
  return codeVerificationStatus !== 'EXPIRED' || platformType !== 'CLOUD_API';
}
