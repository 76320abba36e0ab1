import type { GrantedAsset } from '../../connections/authorization/provisioning-input.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { InstagramAccount } from '../../meta/assets/discovery-responses.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { listedPageAsset, NO_PAGE_PERMISSION, ownPageAsset, pageCredential } from './discover-pages.ts';
import { type ConnectionWarning, type Discovered, type DiscoveryInput, NOTHING, toListingToken } from './discovery.ts';

/**
 * Discovers the account of an Instagram Login token, under the id that webhooks use
 * (docs/meta-facts.md#instagram-user-ids).
 */
export async function discoverOwnInstagramAccount(
  _: DiscoveryApi,
  { inspection }: DiscoveryInput,
): Promise<Discovered> {
  const { userId: id, subjectName: name } = inspection;
  return { ...NOTHING, assets: [{ type: 'instagram_account', id, name, parentId: null, pageId: null }] };
}

/**
 * Discovers Instagram accounts through their Pages, by either field, and those that only a scope names. An account uses
 * its Page's credential; if none of its Pages gives a token, it is listed as unusable.
 */
export async function discoverInstagramByPages(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const accounts = new Map<string, GrantedAsset>();
  const { items, unlinkedInstagramAccounts, ...coverage } = await api.pages.findAllLinked(
    toListingToken(input),
    (pages) => input.onProgress({ pages, assets: pages }),
  );
  for (const page of items) {
    for (const account of page.instagramAccounts) {
      const known = accounts.get(account.id);
      if (known === undefined || (known.isUsable === false && page.accessToken !== null))
        accounts.set(account.id, linkedAccount(account, page.id, page.accessToken !== null));
    }
  }
  for (const account of unlinkedInstagramAccounts) accounts.set(account.id, linkedAccount(account, null, false));
  const found = [...accounts.values()];
  return {
    pages: items.flatMap((page) => pageCredential(page, input)),
    assets: [...items.map(listedPageAsset), ...found],
    warning:
      found.length === 0
        ? NO_INSTAGRAM_ACCOUNT
        : found.every(({ isUsable }) => isUsable === false)
          ? NO_PAGE_PERMISSION
          : null,
    coverage,
  };
}

/** For a page token, which reaches only what is linked to its Page. */
export async function discoverInstagramOfPage(
  api: DiscoveryApi,
  { token, inspection }: DiscoveryInput,
): Promise<Discovered> {
  const page = await api.pages.getOwnPage(token);
  const { subjectId: pageId } = inspection;
  const accounts = page.instagramAccounts.map(({ id, username }): GrantedAsset => {
    return { type: 'instagram_account', id, name: username, parentId: pageId, pageId: null };
  });
  const assets = [ownPageAsset(pageId, page.name), ...accounts];
  return { pages: [], assets, warning: accounts.length > 0 ? null : NO_INSTAGRAM_ACCOUNT };
}

function linkedAccount(
  { id, username }: InstagramAccount,
  pageId: string | null,
  hasCredential: boolean,
): GrantedAsset {
  const account = { type: 'instagram_account', id, name: username, parentId: pageId } as const;
  return hasCredential ? { ...account, pageId } : { ...account, pageId: null, isUsable: false };
}

const NO_INSTAGRAM_ACCOUNT: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_instagram_account',
  detail: 'None of the Pages has a linked Instagram account.',
  remedy:
    'Make it a professional account, link it to a Facebook Page (Page settings, Linked accounts), then connect again and choose that Page.',
});
