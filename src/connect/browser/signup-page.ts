import type { JsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import type { JsSdkScript } from '../../meta/dialog/js-sdk-script.ts';
import { escapeHtml } from '../../platform/html.ts';
import { renderPage } from './browser-page.ts';
import { SIGNUP_SCRIPT } from './signup-script.ts';

interface SignupPageOptions {
  sdk: JsSdkParameters;
  script: JsSdkScript;
  /** Where the page posts its results: `…/connect/{token}`. */
  basePath: string;
  /** Names this page's attempt, so that two tabs don't get mixed up. */
  attempt: string;
  /** New for each response. */
  nonce: string;
}

const WELCOME = 'A Meta window will open where you choose or create your WhatsApp Business Account.';

/**
 * Renders the Embedded Signup page, with the policy to send it with. Its script contains no ids, versions or scopes.
 */
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
<noscript><style>#text,#actions{display:none}</style><p>Without JavaScript, you can sign up on Meta's full page.</p><p><a class="button" href="${dialog}">Continue on the full page</a></p></noscript>
<script type="application/json" id="setup">${JSON.stringify(setup).replaceAll('<', '\\u003c')}</script>
<script nonce="${nonce}">${SIGNUP_SCRIPT}</script>
<script nonce="${nonce}" id="sdk" src="${escapeHtml(script.url)}" async></script>`;
  return { html: renderPage('Connect WhatsApp', body), policy: policy(nonce, script) };
}

/**
 * The SDK loads more scripts: `strict-dynamic` trusts only those that our nonced script loads. The hosts are for
 * browsers that don't know `strict-dynamic`; others ignore them.
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
