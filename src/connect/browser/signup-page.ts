import type { JsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import type { JsSdkScript } from '../../meta/dialog/js-sdk-script.ts';
import { escapeHtml } from '../../platform/html.ts';
import { renderPage } from './browser-page.ts';
import { SIGNUP_SCRIPT } from './signup-script.ts';

interface SignupPageOptions {
  sdk: JsSdkParameters;
  script: JsSdkScript;
  /** Where the page posts what came of it: `…/connect/{token}`. */
  basePath: string;
  /** The name of this page's attempt, so that two tabs of one browser do not get mixed up. */
  attempt: string;
  /** Fresh for each response. */
  nonce: string;
}

const WELCOME = 'A window of Meta opens, in which you choose or create your WhatsApp Business Account.';

/** The page that runs Embedded Signup, and the policy it must be sent with. No id, version or scope stands in its script. */
export function renderSignupPage({ sdk, script, basePath, attempt, nonce }: SignupPageOptions): {
  html: string;
  policy: string;
} {
  const setup = {
    sdk,
    messageOrigin: script.messageOrigin,
    basePath,
    query: `?attempt=${encodeURIComponent(attempt)}`,
    welcome: WELCOME,
  };
  const dialog = escapeHtml(`${basePath}/dialog`);
  const body = `<h1>Connect WhatsApp</h1>
<p id="text" role="status">${WELCOME}</p>
<p class="actions" id="actions"><button id="start" type="button" disabled>Continue with Facebook</button> <a id="full" href="${dialog}">Use the full page instead</a> <button id="back" type="button" class="secondary" hidden>Leave</button></p>
<noscript><style>#text,#actions{display:none}</style><p>Without JavaScript, the signup goes on on a full page of Meta.</p><p><a class="button" href="${dialog}">Continue on the full page</a></p></noscript>
<script type="application/json" id="setup">${JSON.stringify(setup).replaceAll('<', '\\u003c')}</script>
<script nonce="${nonce}">${SIGNUP_SCRIPT}</script>
<script nonce="${nonce}" id="sdk" src="${escapeHtml(script.url)}" async></script>`;
  return { html: renderPage('Connect WhatsApp', body), policy: policy(nonce, script) };
}

/**
 * The SDK loads more scripts by itself: `strict-dynamic` trusts what the script with our nonce loads, and nothing else. Browsers
 * that know `strict-dynamic` ignore the hosts beside it; they are for those that do not.
 */
function policy(nonce: string, { url, hosts }: JsSdkScript): string {
  const meta = hosts.join(' ');
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic' ${new URL(url).origin}`,
    "style-src 'unsafe-inline'",
    `connect-src 'self' ${meta}`,
    `frame-src ${meta}`,
    `img-src 'self' data: ${meta}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
