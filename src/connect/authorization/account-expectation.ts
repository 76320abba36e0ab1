import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { asPartialRefusal } from '../../meta/errors/refusal.ts';
import type { ValidInspection } from '../../meta/tokens/inspection-result.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import type { ExpectedAccount } from '../connect-session.ts';

type Inspected = Pick<ValidInspection, 'kind' | 'userId' | 'appScopedUserId'>;

/**
 * Checks a token against the account that its session expects, according to Meta. Methods throw a final
 * `ConnectFailedError` `wrong_account` on a mismatch, or a `MetaError` that isn't a refusal. Without an expectation,
 * nothing is checked.
 */
export class AccountExpectation {
  #isBusinessProven: boolean;

  constructor(
    private readonly api: DiscoveryApi,
    private readonly token: SecretString,
    private readonly expected: ExpectedAccount,
  ) {
    this.#isBusinessProven = expected.business_id === undefined;
  }

  /** Checks the Meta user and, if Meta reports it, the client business of a system user. */
  async checkSubject({ kind, userId, appScopedUserId }: Inspected): Promise<void> {
    const { meta_user_id: user } = this.expected;
    if (user !== undefined && user !== userId && user !== appScopedUserId)
      throw wrongAccount('Meta reports a different person or account than the one this link is for.');
    if (this.#isBusinessProven || !tokenKind(kind).mayHaveClientBusiness) return;
    const business = await unlessRefused(this.api.getClientBusinessId(this.token));
    if (business !== null) this.requireBusiness(business);
  }

  /** Checks who owns the WhatsApp accounts, unless the token itself proved the business. All of them must match. */
  async checkWhatsappAccounts(ids: readonly string[]): Promise<void> {
    if (this.#isBusinessProven) return;
    for (const id of ids) {
      const owner = await unlessRefused(this.api.whatsappAccounts.getOwnerBusinessId(id, this.token));
      if (owner === null) throw unknownBusiness('Meta does not say which business owns the WhatsApp account');
      if (owner !== this.expected.business_id) throw wrongBusiness();
    }
    this.#isBusinessProven = ids.length > 0;
  }

  /** Call at the end of discovery: an unknown business counts as a wrong one. */
  requireProven(): void {
    if (!this.#isBusinessProven) throw unknownBusiness('Meta does not say which business this login belongs to');
  }

  private requireBusiness(business: string): void {
    if (business !== this.expected.business_id) throw wrongBusiness();
    this.#isBusinessProven = true;
  }
}

function wrongAccount(detail: string): ConnectFailedError {
  return new ConnectFailedError('wrong_account', { detail, isFinal: true });
}

function wrongBusiness(): ConnectFailedError {
  return wrongAccount('Meta reports a different business than the one this link is for.');
}

function unknownBusiness(reason: string): ConnectFailedError {
  return new ConnectFailedError('wrong_account', {
    detail: `${reason}, and this link is for one business only. Nothing was connected.`,
    remedy: 'Log in with an account of that business, or ask the sender for a new link.',
    notice: 'business_unknown',
    isFinal: true,
  });
}

async function unlessRefused<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (asPartialRefusal(error) === null) throw error;
    return null;
  }
}
