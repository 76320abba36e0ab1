import { loginFlow } from '../../meta/dialog/login-flows.ts';
import type { TokenHostName } from '../../meta/graph/graph-host.ts';
import { escapeHtml } from '../../platform/html.ts';
import type { ConnectSession } from '../connect-session.ts';
import { connectProduct } from '../products/products.ts';
import { renderPage } from './browser-page.ts';

/** As people know the sites whose dialogs they go through. */
const SITES: Readonly<Record<TokenHostName, string>> = {
  facebook: 'Facebook',
  instagram: 'Instagram',
  threads: 'Threads',
};

/**
 * No script and no foreign resource. `form-action` stays open on purpose: Chromium holds redirects of a form against it, and this one's go
 * to Meta's dialog, whichever hosts that has, and from there to a `return_url`.
 */
export const CONFIRM_PAGE_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page between a link that was sent to somebody and the dialog: who asks, and for what. `actionPath`: where its form leads on. */
export function renderConfirmPage(
  { product, flow, tenantName }: Pick<ConnectSession, 'product' | 'flow' | 'tenantName'>,
  actionPath: string,
): string {
  const { title, whatIsConnected, whatIsShared } = connectProduct(product).inPlainWords;
  const name = tenantName === null ? null : `<bdi>${escapeHtml(tenantName)}</bdi>`;
  const site = SITES[loginFlow(flow).dialog ?? 'facebook'];
  const shared = whatIsShared.map((each) => `<li>${escapeHtml(each)}</li>`).join('\n');
  const asked = escapeHtml(whatIsConnected);
  const body = `<h1>Connect ${asked}${name === null ? '' : ` to ${name}`}?</h1>
<p>${name === null ? 'Whoever sent you this link' : name} asks you to connect ${asked}. You log in at ${site}, choose there what to connect, and share:</p>
<ul>
${shared}
</ul>
<p>Go on only if you know who sent you this link, and the account is yours to share. You can take it back at any time in the settings of ${site}.</p>
<form method="post" action="${escapeHtml(actionPath)}"><p><button type="submit">Continue to ${site}</button></p></form>
<p><small>If you did not expect this link, close this page: nothing has been shared.</small></p>`;
  return renderPage(`Connect ${title}`, body);
}
