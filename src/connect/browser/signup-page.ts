import type { CustomerPage } from '../../customer-pages/customer-pages.ts';
import type { Locale } from '../../customer-pages/locale.ts';
import { messagesIn } from '../../customer-pages/messages/message-catalog.ts';
import type { SignupSetup } from '../../customer-pages/page-setup.ts';
import type { JsSdkParameters } from '../../meta/dialog/js-sdk-parameters.ts';
import type { JsSdkScript } from '../../meta/dialog/js-sdk-script.ts';
import { escapeHtml } from '../../platform/html.ts';

interface SignupPageOptions {
  locale: Locale;
  sdk: JsSdkParameters;
  sdkScript: JsSdkScript;
  /** Where the page posts its results: `…/connect/{token}`. */
  basePath: string;
  /** Of the full-page dialog. */
  dialogPath: string;
  /** Names this page's attempt, so that two tabs don't get mixed up. */
  attempt: string;
  /** New for each response. */
  nonce: string;
  /** Allowed sources of images, as in a policy. */
  imageSources: string;
}

/** Builds the Embedded Signup page. Until its script runs, it only offers the full page, which needs none. */
export function buildSignupPage(options: SignupPageOptions): CustomerPage {
  const { locale, sdk, sdkScript, basePath, dialogPath, attempt, nonce } = options;
  const { signup: messages, errors } = messagesIn(locale);
  const setup: SignupSetup = {
    sdk,
    sdkUrl: sdkScript.url,
    messageOrigin: sdkScript.messageOrigin,
    basePath,
    query: `?attempt=${encodeURIComponent(attempt)}`,
    messages,
    errors: Object.fromEntries(Object.entries(errors).map(([code, { title, remedy }]) => [code, `${title} ${remedy}`])),
  };
  const say = escapeHtml;
  const body = `<h1>${say(messages.title)}</h1>
<p id="text" role="status"></p>
<noscript><p>${say(messages.withoutScript)}</p></noscript>
<p class="actions"><button id="start" type="button" disabled hidden>${say(messages.start)}</button> <a id="full" class="button" href="${escapeHtml(dialogPath)}">${say(messages.continueOnFullPage)}</a> <button id="back" type="button" class="secondary" hidden>${say(messages.leave)}</button></p>`;
  return {
    locale,
    title: messages.title,
    body,
    script: { name: 'signup.js', setup, nonce },
    policy: toPolicy(options),
  };
}

/**
 * Our script loads Meta's SDK, which loads more scripts: `strict-dynamic` trusts only those. The hosts are for browsers
 * that don't know `strict-dynamic`; others ignore them. The SDK adds style elements of its own.
 */
function toPolicy({ nonce, sdkScript: { url, hosts }, imageSources }: SignupPageOptions): Record<string, string> {
  const meta = hosts.join(' ');
  return {
    'script-src': `'nonce-${nonce}' 'strict-dynamic' ${new URL(url).origin}`,
    'style-src': "'self' 'unsafe-inline'",
    'connect-src': `'self' ${meta}`,
    'frame-src': meta,
    'img-src': `${imageSources} ${meta}`,
  };
}
