import type { SecretString } from '../../platform/secret-string.ts';
import { asPartialRefusal } from '../errors/refusal.ts';
import { isGraphId } from '../graph/graph-id.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { paginate } from '../graph/paginate.ts';
import { readCall } from '../graph/read-call.ts';
import { tokenKind } from '../tokens/token-kinds.ts';
import { AssetUnion, type Reached, type ReachedProgress } from './asset-union.ts';
import { BusinessApi, type ListingToken, targetIds } from './business-api.ts';
import { type AdAccount, readAdAccount, toAdAccountId } from './discovery-responses.ts';
import { readObjects } from './read-objects.ts';

const FIELDS = 'id,account_id,name,currency,business{id,name}';
const SCOPES = ['ads_'];

/** Lists the ad accounts that a token reaches. Throws `MetaError`. */
export class AdAccountApi {
  constructor(
    private readonly transport: GraphTransport,
    private readonly businesses: BusinessApi,
  ) {}

  /**
   * Returns every ad account that a list or granular scope names, once each, with ids as `act_…`.
   * A refused list is skipped; the others still count.
   */
  async findAll(of: ListingToken, onProgress: ReachedProgress): Promise<Reached<AdAccount>> {
    const accounts = new AssetUnion<AdAccount>(mergeAccounts, onProgress);
    await accounts.addList(this.list('list_ad_accounts', '/me/adaccounts', of.token));
    if (tokenKind(of.kind).hasAssignedAssets)
      await accounts.addList(this.list('list_assigned_ad_accounts', '/me/assigned_ad_accounts', of.token));
    for await (const id of this.businesses.listBusinessIds(of, (error) => accounts.noteRefusal(error))) {
      if (!isGraphId(id)) continue;
      await accounts.addList(this.list('list_owned_ad_accounts', `/${id}/owned_ad_accounts`, of.token));
      await accounts.addList(this.list('list_client_ad_accounts', `/${id}/client_ad_accounts`, of.token));
    }
    const targets = targetIds(of, SCOPES).map(toAdAccountId);
    accounts.addNames(targets);
    await this.readInto(
      accounts,
      of.token,
      targets.filter((id) => accounts.get(id) === undefined),
    );
    return accounts.result();
  }

  private async *list(
    operation: string,
    path: string,
    token: SecretString,
  ): AsyncGenerator<AdAccount, void, undefined> {
    const query = { fields: FIELDS, limit: '100' };
    for await (const item of paginate(this.transport, readCall(this.transport, operation, path, token, query))) {
      const account = readAdAccount(item);
      if (account !== null) yield account;
    }
  }

  private async readInto(accounts: AssetUnion<AdAccount>, token: SecretString, ids: readonly string[]): Promise<void> {
    const fields = [FIELDS, 'id,account_id,name,currency'];
    const isRefusal = (error: unknown): boolean => asPartialRefusal(error) !== null;
    const request = { operation: 'get_ad_accounts', token, ids, fields, isRefusal };
    for await (const { id, object } of readObjects(this.transport, request)) {
      const account = object === null ? null : readAdAccount(object);
      if (account?.id === id) await accounts.add(account);
    }
  }
}

function mergeAccounts(known: AdAccount, account: AdAccount): AdAccount {
  return {
    id: known.id,
    name: known.name ?? account.name,
    currency: known.currency ?? account.currency,
    business: known.business ?? account.business,
  };
}
