import type { GrantedAsset } from '../../connections/authorization/connection-provisioner.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { listPages, pageAsset } from './discover-pages.ts';
import { type ConnectionWarning, type Discovered, type DiscoveryInput, NOTHING } from './discovery.ts';

/** The one account that an Instagram Login token speaks for, under the id that webhooks name. */
export async function discoverOwnInstagramAccount(
  _: DiscoveryApi,
  { inspection }: DiscoveryInput,
): Promise<Discovered> {
  const { userId: id, subjectName: name } = inspection;
  return { ...NOTHING, assets: [{ type: 'instagram_account', id, name, parentId: null, pageId: null }] };
}

/** Instagram accounts through the Pages that they are linked to, by either field (META.md 5). */
export async function discoverInstagramByPages(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const accounts: GrantedAsset[] = [];
  const { pages, assets } = await listPages(api, input, (page) => {
    for (const { id, username } of page.instagramAccounts) {
      const pageId = page.accessToken === null ? null : page.id;
      accounts.push({ type: 'instagram_account', id, name: username, parentId: page.id, pageId });
    }
  });
  return { pages, assets: [...assets, ...accounts], warning: accounts.length > 0 ? null : NO_INSTAGRAM_ACCOUNT };
}

/** For the token of one Page, which reaches what is linked to that Page. */
export async function discoverInstagramOfPage(
  api: DiscoveryApi,
  { token, inspection }: DiscoveryInput,
): Promise<Discovered> {
  const page = await api.getOwnPage(token);
  const { subjectId: pageId } = inspection;
  const accounts = page.instagramAccounts.map(({ id, username }): GrantedAsset => {
    return { type: 'instagram_account', id, name: username, parentId: pageId, pageId: null };
  });
  const assets = [pageAsset(pageId, page.name, false), ...accounts];
  return { pages: [], assets, warning: accounts.length > 0 ? null : NO_INSTAGRAM_ACCOUNT };
}

const NO_INSTAGRAM_ACCOUNT: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_instagram_account',
  detail: 'None of the Pages has a linked Instagram account.',
  remedy:
    'Make the Instagram account a professional one, link it to a Facebook Page (Page settings, Linked accounts), then connect again and choose that Page.',
});
