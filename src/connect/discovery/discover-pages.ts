import type { GrantedAsset } from '../../connections/authorization/connection-provisioner.ts';
import type { GrantedCredential } from '../../connections/credentials/credential-writer.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { DiscoveredPage } from '../../meta/assets/discovery-responses.ts';
import { asRefusal } from '../../meta/errors/refusal.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { type ConnectionWarning, type Discovered, type DiscoveryInput, toListingToken } from './discovery.ts';

/**
 * All Pages of a user or system user, each with a credential of its own. Page tokens of a long-lived token never expire (META.md 5). A
 * Page on which the user has no task gives no token: it is known, and can't be used.
 */
export async function discoverPages(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const { items, ...coverage } = await api.pages.findAll(toListingToken(input), (pages) =>
    input.onProgress({ pages, assets: pages }),
  );
  const pages = items.flatMap((page) => pageCredential(page, input));
  const assets = items.map(listedPageAsset);
  const warning = items.length === 0 ? NO_PAGE : pages.length === 0 ? NO_PAGE_PERMISSION : null;
  return { pages, assets, warning, coverage };
}

/** The Page that a page token speaks for. */
export async function discoverOwnPage(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const name = await nameOfOwnPage(api, input);
  return { pages: [], assets: [ownPageAsset(input.inspection.subjectId, name)], warning: null };
}

/** Null where Meta does not let the token read its Page: it reaches it all the same. */
async function nameOfOwnPage(api: DiscoveryApi, { token }: DiscoveryInput): Promise<string | null> {
  try {
    return (await api.pages.getOwnPage(token)).name;
  } catch (error) {
    if (asRefusal(error) === null) throw error;
    return null;
  }
}

const NO_PAGE: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_page',
  detail: 'The user has no Facebook Page, or chose none in the dialog.',
  remedy: 'Connect again with an account that has a task on the Page, and choose the Page in the dialog.',
});

export const NO_PAGE_PERMISSION: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_page_permission',
  detail: 'The user has no permission on any of the Pages: Meta gave no access to them.',
  remedy: 'Ask an admin of the Page to give this user access to it (Page settings, Page access), then connect again.',
});

/** The credential of a Page that gave a token. */
export function pageCredential(
  { id, name, accessToken }: DiscoveredPage,
  { scopes, inspection: { issuedAt } }: DiscoveryInput,
): GrantedCredential[] {
  if (accessToken === null) return [];
  return [{ kind: 'page', subjectId: id, subjectName: name, token: accessToken, scopes, issuedAt, expiresAt: null }];
}

/** A Page that a user's token reaches, by a credential of its own or by none; then its tasks say what is missing. */
export function listedPageAsset({ id, name, accessToken, tasks }: DiscoveredPage): GrantedAsset {
  const asset = { type: 'page', id, name, parentId: null } as const;
  return accessToken === null
    ? { ...asset, pageId: null, isUsable: false, details: { tasks } }
    : { ...asset, pageId: id };
}

/** The Page that the root credential speaks for. */
export function ownPageAsset(id: string, name: string | null): GrantedAsset {
  return { type: 'page', id, name, parentId: null, pageId: null };
}
