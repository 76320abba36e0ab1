import type { CustomerPage } from '../../customer-pages/customer-pages.ts';
import type { Locale } from '../../customer-pages/locale.ts';
import { fillMessage, messagesIn } from '../../customer-pages/messages/message-catalog.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import type { TokenHostName } from '../../meta/graph/graph-host.ts';
import { escapeHtml } from '../../platform/html.ts';
import type { ConnectSession } from '../connect-session.ts';

/** Site names that users know. */
const SITES: Readonly<Record<TokenHostName, string>> = {
  facebook: 'Facebook',
  instagram: 'Instagram',
  threads: 'Threads',
};

/**
 * Without `form-action`: Chromium also applies `form-action` to a form's redirects, and those of this form lead to
 * Meta's dialog and on to a `return_url`.
 */
const POLICY = { 'form-action': null };

/** Builds the page between a link and the dialog: who asks, and for what. `actionPath`: target of its form. */
export function buildConfirmPage(
  { product, flow, tenantName }: Pick<ConnectSession, 'product' | 'flow' | 'tenantName'>,
  { locale, actionPath }: { locale: Locale; actionPath: string },
): CustomerPage {
  const { confirm, products } = messagesIn(locale);
  const { whatIsConnected, whatIsShared } = products[product];
  const site = SITES[loginFlow(flow).dialog ?? 'facebook'];
  const what = escapeHtml(whatIsConnected);
  const name = `<bdi>${escapeHtml(tenantName ?? '')}</bdi>`;
  const values = { what, name, site };
  const [heading, request] =
    tenantName === null ? [confirm.headingWithoutName, confirm.requestWithoutName] : [confirm.heading, confirm.request];
  const body = `<h1>${fillMessage(heading, values)}</h1>
<p>${fillMessage(request, values)}</p>
<ul>
${whatIsShared.map((each) => `<li>${escapeHtml(each)}</li>`).join('\n')}
</ul>
<p>${fillMessage(confirm.caution, values)}</p>
<form method="post" action="${escapeHtml(actionPath)}"><p><button type="submit">${fillMessage(confirm.continue, values)}</button></p></form>
<p><small>${escapeHtml(confirm.unexpected)}</small></p>`;
  return { locale, title: confirm.headingWithoutName.replace('{what}', whatIsConnected), body, policy: POLICY };
}
