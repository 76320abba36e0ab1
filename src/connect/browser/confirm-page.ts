import { loginFlow } from '../../meta/dialog/login-flows.ts';
import type { TokenHostName } from '../../meta/graph/graph-host.ts';
import { escapeHtml } from '../../platform/html.ts';
import type { ConnectSession } from '../connect-session.ts';
import { connectProduct } from '../products/products.ts';
import { renderPage } from './browser-page.ts';

/** Site names that users know. */
const SITES: Readonly<Record<TokenHostName, string>> = {
  facebook: 'Facebook',
  instagram: 'Instagram',
  threads: 'Threads',
};

/**
 * No script, no resources of other hosts. `form-action` is open on purpose: Chromium applies it to a form's redirects,
 * and this one's lead to Meta's dialog and on to a `return_url`.
 */
export const CONFIRM_PAGE_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Renders the page between a link and the dialog: who is asking, and for what. `actionPath`: target of its form. */
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
<p>${name === null ? 'The sender of this link' : name} asks you to connect ${asked}. You will log in at ${site}, choose what to connect, and share:</p>
<ul>
${shared}
</ul>
<p>Continue only if you know who sent you this link and the account is yours to share. You can revoke access at any time in your ${site} settings.</p>
<form method="post" action="${escapeHtml(actionPath)}"><p><button type="submit">Continue to ${site}</button></p></form>
<p><small>If you did not expect this link, close this page. Nothing has been shared.</small></p>`;
  return renderPage(`Connect ${title}`, body);
}
