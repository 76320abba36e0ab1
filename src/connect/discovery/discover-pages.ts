import type { GrantedAsset } from '../../connections/authorization/connection-provisioner.ts';
import type { GrantedCredential } from '../../connections/credentials/credential-writer.ts';
import type { DiscoveryApi } from '../../meta/assets/discovery-api.ts';
import type { DiscoveredPage } from '../../meta/assets/discovery-responses.ts';
import { defineErrorCode } from '../../platform/error-code.ts';
import { asRefusal, type ConnectionWarning, type Discovered, type DiscoveryInput } from './discovery.ts';

/**
 * All Pages of a user or system user, following paging, each with a credential of its own. Page tokens of a long-lived
 * token never expire (META.md 5). A Page on which the user has no task gives no token; the root credential is used for it.
 */
export async function discoverPages(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const { pages, assets } = await listPages(api, input);
  if (assets.length === 0) return { pages, assets, warning: NO_PAGE };
  return { pages, assets, warning: pages.length === 0 ? NO_PAGE_PERMISSION : null };
}

/** The Page that a page token speaks for. */
export async function discoverOwnPage(api: DiscoveryApi, input: DiscoveryInput): Promise<Discovered> {
  const name = await nameOfOwnPage(api, input);
  return { pages: [], assets: [pageAsset(input.inspection.subjectId, name, false)], warning: null };
}

/** Null where Meta does not let the token read its Page: it reaches it all the same. */
async function nameOfOwnPage(api: DiscoveryApi, { token }: DiscoveryInput): Promise<string | null> {
  try {
    return (await api.getOwnPage(token)).name;
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

const NO_PAGE_PERMISSION: ConnectionWarning = defineErrorCode('status_reason', {
  code: 'no_page_permission',
  detail: 'The user has no permission on any of the Pages: Meta gave no access to them.',
  remedy: 'Ask an admin of the Page to give this user access to it (Page settings, Page access), then connect again.',
});

export async function listPages(
  api: DiscoveryApi,
  { token, scopes, inspection }: DiscoveryInput,
  visit: (page: DiscoveredPage) => void = () => undefined,
): Promise<Pick<Discovered, 'pages' | 'assets'>> {
  const pages: GrantedCredential[] = [];
  const assets: GrantedAsset[] = [];
  for await (const page of api.listPages(token)) {
    if (page.accessToken !== null) {
      const subject = { subjectId: page.id, subjectName: page.name };
      const { issuedAt } = inspection;
      pages.push({ kind: 'page', ...subject, token: page.accessToken, scopes, issuedAt, expiresAt: null });
    }
    assets.push(pageAsset(page.id, page.name, page.accessToken !== null));
    visit(page);
  }
  return { pages, assets };
}

/** `hasOwnCredential`: beside the root credential. */
export function pageAsset(id: string, name: string | null, hasOwnCredential: boolean): GrantedAsset {
  return { type: 'page', id, name, parentId: null, pageId: hasOwnCredential ? id : null };
}
