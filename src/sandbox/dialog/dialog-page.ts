import type { Principal } from '../state/records.ts';
import { type DialogRequest, offeredScopes } from './dialog-request.ts';

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const style = `body{font:16px/1.5 system-ui,sans-serif;background:#f0f2f5;margin:0}
main{max-width:28rem;margin:3rem auto;background:#fff;padding:1.5rem 2rem;border-radius:8px}
h1{font-size:1.2rem}label{display:block;margin:.3rem 0}select{width:100%;padding:.4rem}
button{padding:.6rem 1.2rem;margin:1rem .5rem 0 0;border:0;border-radius:6px;cursor:pointer}
#approve{background:#0866ff;color:#fff}small{color:#65676b}`;

function page(title: string, body: string): string {
  return `<!DOCTYPE html>
  <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
  <title>${escapeHtml(title)}</title><style>${style}</style></head><body><main>${body}</main></body></html>
  `;
}

/** Renders the page that Meta shows instead of redirecting (docs/meta-facts.md#oauth-dialog). */
export function errorPage(message: string): string {
  return page(
    'Error',
    `<h1>Sorry, something went wrong.</h1><p id="error">${escapeHtml(message)}</p><small>Sandbox Meta</small>`,
  );
}

/** Renders the dialog: choose a user and scopes, then accept or decline. */
export function dialogPage(request: DialogRequest, users: Principal[]): string {
  const first = users[0];
  const scopes = first === undefined ? request.requestedScopes : offeredScopes(request, first);
  const options = users.map((one) => `<option value="${one.id}">${escapeHtml(one.name)} (${one.id})</option>`).join('');
  // A configuration is granted as a whole, and public_profile cannot be declined (docs/meta-facts.md#oauth-dialog).
  const fixed = (scope: string) => request.configuration !== null || scope === 'public_profile';
  const boxes = scopes
    .map(
      (scope) =>
        `<label><input type="checkbox" name="grant" value="${scope}" checked${fixed(scope) ? ' disabled' : ''}> ` +
        `${escapeHtml(scope)}</label>`,
    )
    .join('');
  return page(
    `Log in to ${request.app.name}`,
    `<h1>${escapeHtml(request.app.name)} asks for access</h1>
<form method="post" action="?${escapeHtml(request.query.toString())}" id="dialog">
<label>Continue as <select name="user" id="user">${options}</select></label>
${boxes}
<button type="submit" name="action" value="approve" id="approve">Continue</button>
<button type="submit" name="action" value="deny" id="deny">Not now</button>
</form><small>Sandbox Meta: no real account is involved.</small>`,
  );
}

/** How a popup of the fake JS SDK ends. */
interface SdkResult {
  /** Null: the popup closes without a result; 'silent': the SDK never calls back. */
  login: Record<string, unknown> | 'silent' | null;
  /** Embedded Signup's session message. */
  signup: Record<string, unknown> | null;
  order: 'message_first' | 'callback_first';
}

/** Renders the popup of the fake JS SDK, which sends message and callback to its opener in the scripted order. */
export function sdkPage(origin: string, { login, signup, order }: SdkResult): string {
  const data = JSON.stringify({
    origin,
    response: login === 'silent' ? null : login,
    silent: login === 'silent',
    signup: signup === null ? null : JSON.stringify(signup),
    order,
  }).replace(/</g, '\\u003c');
  return page(
    'Done',
    `<p>You may close this window.</p><script>
const { origin, response, silent, signup, order } = ${data};
const target = window.opener || window.parent;
const post = (message) => target.postMessage(JSON.stringify(message), origin);
const login = () => {
  if (silent) post({ type: 'SANDBOX_SILENT' });
  else if (response) post({ type: 'SANDBOX_LOGIN', response });
};
const message = () => { if (signup) target.postMessage(signup, origin); };
const steps = order === 'message_first' ? [message, login] : [login, message];
steps[0]();
setTimeout(() => { steps[1](); if (window.opener) setTimeout(() => window.close(), 50); }, 50);
</script>`,
  );
}
