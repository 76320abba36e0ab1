import type { GrantedAsset } from '../../connections/authorization/provisioning-input.ts';
import type { GrantedCredential } from '../../connections/credentials/credential-writer.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { DiscoveredPage } from '../../meta/assets/discovery-responses.ts';
import { asRefusal } from '../../meta/errors/refusal.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { type ConnectionWarning, type Discovered, type DiscoveryInput, toListingToken } from './discovery.ts';

/**
 * Discovers all Pages of a user or system user, each with its own credential. Page tokens from a long-lived token never
 * expire (docs/meta-facts.md#page-tokens). A Page that gives no token is listed as unusable
 * (docs/meta-facts.md#pages-without-a-token).
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

/** The Page of a page token. */
export async function discoverOwnPage(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const name = await nameOfOwnPage(api, input);
  return { pages: [], assets: [ownPageAsset(input.inspection.subjectId, name)], warning: null };
}

/** Null if Meta won't let the token read its Page; it still reaches the Page. */
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
  detail: 'The user has no Facebook Page or chose none in the dialog.',
  remedy: 'Connect again with an account that has a task on the Page, and choose the Page in the dialog.',
});

export const NO_PAGE_PERMISSION: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_page_permission',
  detail: 'The user has no access to any of these Pages.',
  remedy: 'Ask a Page admin to give this user access (Page settings, Page access), then connect again.',
});

export function pageCredential(
  { id, name, accessToken }: DiscoveredPage,
  { scopes, inspection: { issuedAt } }: DiscoveryInput,
): GrantedCredential[] {
  if (accessToken === null) return [];
  return [{ kind: 'page', subjectId: id, subjectName: name, token: accessToken, scopes, issuedAt, expiresAt: null }];
}

/** A Page reached by a user's token, with its own credential or none; its tasks then show what is missing. */
export function listedPageAsset({ id, name, accessToken, tasks }: DiscoveredPage): GrantedAsset {
  const asset = { type: 'page', id, name, parentId: null } as const;
  return accessToken === null
    ? { ...asset, pageId: null, isUsable: false, details: { tasks } }
    : { ...asset, pageId: id };
}

/** The Page that the root credential belongs to. */
export function ownPageAsset(id: string, name: string | null): GrantedAsset {
  return { type: 'page', id, name, parentId: null, pageId: null };
}
