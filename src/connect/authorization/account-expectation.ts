import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { asPartialRefusal } from '../../meta/errors/refusal.ts';
import type { ValidInspection } from '../../meta/tokens/inspection-result.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import type { ExpectedAccount } from '../connect-session.ts';

type Inspected = Pick<ValidInspection, 'kind' | 'userId' | 'appScopedUserId'>;

/**
 * Holds a token against the account that its session is for, by what Meta says of it. Each method throws a final `ConnectFailedError`
 * `wrong_account` where it is another one, or `MetaError` for what is no refusal. Nothing is checked where nothing is expected.
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

  /** The Meta user, and the business of a system user's client, where Meta tells that one. */
  async checkSubject({ kind, userId, appScopedUserId }: Inspected): Promise<void> {
    const { meta_user_id: user } = this.expected;
    if (user !== undefined && user !== userId && user !== appScopedUserId)
      throw wrongAccount('Meta says that this is another person or account than the one that this link is for.');
    if (this.#isBusinessProven || !tokenKind(kind).mayHaveClientBusiness) return;
    const business = await unlessRefused(this.api.getClientBusinessId(this.token));
    if (business !== null) this.requireBusiness(business);
  }

  /** The owners of WhatsApp accounts, where the business was not proven by the token itself. Each of them must be the one that is expected. */
  async checkWhatsappAccounts(ids: readonly string[]): Promise<void> {
    if (this.#isBusinessProven) return;
    for (const id of ids) {
      const owner = await unlessRefused(this.api.whatsappAccounts.getOwnerBusinessId(id, this.token));
      if (owner === null) throw unknownBusiness('Meta does not tell which business owns the WhatsApp account');
      if (owner !== this.expected.business_id) throw wrongBusiness();
    }
    this.#isBusinessProven = ids.length > 0;
  }

  /** At the end of discovery: a business that could not be learned is as good as another one. */
  requireProven(): void {
    if (!this.#isBusinessProven) throw unknownBusiness('Meta does not tell which business this login belongs to');
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
  return wrongAccount('Meta says that this belongs to another business than the one that this link is for.');
}

function unknownBusiness(reason: string): ConnectFailedError {
  return new ConnectFailedError('wrong_account', {
    detail: `${reason}, and this link is for one business only, so nothing was connected.`,
    remedy: 'Log in with an account of that business; where there is none, ask whoever sent the link for another one.',
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
