import { targetIds } from '../../meta/assets/business-api.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { PhoneNumber } from '../../meta/assets/discovery-responses.ts';
import { asPartialRefusal } from '../../meta/errors/refusal.ts';
import { isGraphId } from '../../meta/graph/graph-id.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import type { DiscoveryInput } from './discovery.ts';

/** Any scope with this prefix may name a token's accounts (docs/meta-facts.md#scopes-of-finished-signups). */
const WHATSAPP_SCOPES = 'whatsapp_';
/** Its targets are portfolios, never accounts (docs/meta-facts.md#targets-of-business_management). */
const PORTFOLIO_SCOPE = 'business_management';

/** An account that responded to a question only accounts can answer. */
interface ReachedAccount {
  id: string;
  numbers: PhoneNumber[];
}

/** The WhatsApp Business Accounts of a token, and how the search went. */
export interface WhatsappSearch {
  accounts: ReachedAccount[];
  /** Every id asked, in this order. */
  candidates: string[];
  /** The id supplied as an account is a portfolio's. */
  isGivenIdPortfolio: boolean;
}

/**
 * Finds the accounts that a token reaches. Candidates: the session message's id, the targets of every WhatsApp scope, a
 * system user's assigned accounts, and the accounts of the portfolios named. Scopes prove nothing either way: each id
 * is asked once, and counts if Meta lists its numbers (docs/meta-facts.md#whatsapp-accounts-of-a-token). Throws any
 * `MetaError` that isn't a refusal.
 */
export async function findWhatsappAccounts(api: DiscoveryApi, input: DiscoveryInput): Promise<WhatsappSearch> {
  const search = new AccountSearch(api, input);
  const { wabaId, businessId } = input.hints;
  await search.ask(wabaId === undefined ? [] : [wabaId]);
  await search.ask(input.secondLook?.whatsappAccountIds ?? []);
  await search.ask(targetIds(input.inspection, [WHATSAPP_SCOPES]));
  if (tokenKind(input.inspection.kind).hasAssignedAssets) await search.askAssigned();
  const portfolios = new Set(targetIds(input.inspection, [PORTFOLIO_SCOPE]));
  const isOpen = wabaId !== undefined && !search.isAccount(wabaId);
  const isNamed = isOpen && (portfolios.has(wabaId) || wabaId === businessId);
  for (const portfolio of portfolios) await search.askAccountsOf(portfolio);
  const isListed = isOpen && (portfolios.has(wabaId) || (await search.askAccountsOf(wabaId)));
  return { ...search.result(), isGivenIdPortfolio: isNamed || isListed };
}

class AccountSearch {
  readonly #asked = new Set<string>();
  readonly #accounts: ReachedAccount[] = [];

  constructor(
    private readonly api: DiscoveryApi,
    private readonly input: DiscoveryInput,
  ) {}

  isAccount(id: string): boolean {
    return this.#accounts.some((account) => account.id === id);
  }

  result(): Pick<WhatsappSearch, 'accounts' | 'candidates'> {
    return { accounts: this.#accounts, candidates: [...this.#asked] };
  }

  async ask(ids: Iterable<string>): Promise<void> {
    for (const id of ids) {
      if (this.#asked.has(id) || !isGraphId(id)) continue;
      this.#asked.add(id);
      const numbers = await unlessRefused(this.api.whatsappAccounts.listPhoneNumbers(id, this.input.token));
      if (numbers !== null) this.#accounts.push({ id, numbers });
    }
  }

  async askAssigned(): Promise<void> {
    await this.ask((await unlessRefused(this.api.whatsappAccounts.listAssignedAccountIds(this.input.token))) ?? []);
  }

  /** False if Meta knows no such portfolio or hides it from this token. */
  async askAccountsOf(portfolio: string): Promise<boolean> {
    if (!isGraphId(portfolio)) return false;
    const { token } = this.input;
    const owned = await unlessRefused(this.api.whatsappAccounts.listOwnedAccountIds(portfolio, token));
    const shared = await unlessRefused(this.api.whatsappAccounts.listClientAccountIds(portfolio, token));
    await this.ask([...(owned ?? []), ...(shared ?? [])]);
    return owned !== null || shared !== null;
  }
}

/** Null if Meta says that the token may not, or that there is no such object; outages and rate limits still throw. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (asPartialRefusal(error) === null) throw error;
    return null;
  }
}
