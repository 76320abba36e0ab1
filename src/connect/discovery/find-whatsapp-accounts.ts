import { targetIds } from '../../meta/assets/business-api.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { PhoneNumber } from '../../meta/assets/discovery-responses.ts';
import { asPartialRefusal } from '../../meta/errors/refusal.ts';
import { isGraphId } from '../../meta/graph/graph-id.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import type { DiscoveryInput } from './discovery.ts';

/** Scopes of WhatsApp, under whichever of which a token names its accounts. */
const WHATSAPP_SCOPES = 'whatsapp_';
/** Names portfolios, never accounts. */
const PORTFOLIO_SCOPE = 'business_management';

/** An account that answered a question that only accounts answer. */
interface ReachedAccount {
  id: string;
  numbers: PhoneNumber[];
}

/** The WhatsApp Business Accounts of a token, and what the search for them showed. */
export interface WhatsappSearch {
  accounts: ReachedAccount[];
  /** Every id that was asked, in this order. */
  candidates: string[];
  /** The id that was given for an account is one of a portfolio. */
  isGivenIdPortfolio: boolean;
}

/**
 * The accounts that a token reaches: the id of the session message, the targets of every scope of WhatsApp, what a system user was given,
 * and what the portfolios have that the token names. Scopes are not believed, neither for nor against an account: each id is asked once,
 * in whatever order, and counts where Meta lists its numbers (docs/meta-facts.md). Throws `MetaError` for what is no refusal.
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
      const numbers = await unlessRefused(this.api.whatsapp.listPhoneNumbers(id, this.input.token));
      if (numbers !== null) this.#accounts.push({ id, numbers });
    }
  }

  async askAssigned(): Promise<void> {
    await this.ask((await unlessRefused(this.api.whatsapp.listAssignedAccountIds(this.input.token))) ?? []);
  }

  /** False where Meta knows no such portfolio, or keeps it from this token. */
  async askAccountsOf(portfolio: string): Promise<boolean> {
    if (!isGraphId(portfolio)) return false;
    const { token } = this.input;
    const owned = await unlessRefused(this.api.whatsapp.listOwnedAccountIds(portfolio, token));
    const shared = await unlessRefused(this.api.whatsapp.listClientAccountIds(portfolio, token));
    await this.ask([...(owned ?? []), ...(shared ?? [])]);
    return owned !== null || shared !== null;
  }
}

/** Null where Meta says that this token may not, or knows no such thing; outages and rate limits stay errors. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (asPartialRefusal(error) === null) throw error;
    return null;
  }
}
