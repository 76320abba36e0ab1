import type { ConnectionId } from '../../connections/ids.ts';
import { escapeHtml, renderHtmlPage } from '../../platform/html.ts';
import type { AppError } from '../../platform/problem.ts';

const STYLE = `html{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto 2rem;padding:0 1.25rem;color:#1c1e21;background:#fff}
h1{font-size:1.4rem;line-height:1.3}small{color:#606770}code{background:#f0f2f5;padding:.1rem .3rem;border-radius:.2rem;overflow-wrap:anywhere}
button,.button{display:inline-block;font:inherit;padding:.6rem 1.2rem;border:1px solid #0064d1;border-radius:.4rem;background:#0064d1;color:#fff;cursor:pointer;text-decoration:none}
.secondary{background:transparent;color:inherit;border-color:currentColor}button[disabled]{opacity:.5;cursor:default}
[hidden]{display:none!important}
.actions{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:center}.actions>.button{order:-1}
a{color:#0064d1}a.button{color:#fff}
:focus-visible{outline:3px solid #75b1ff;outline-offset:2px}
@media (max-width:30rem){.actions{flex-direction:column;align-items:stretch;text-align:center}}
@media (prefers-color-scheme:dark){a{color:#75b1ff}a.button{color:#fff}body{color:#e4e6eb;background:#18191a}small{color:#b0b3b8}code{background:#3a3b3c}}`;

const HEAD = '<meta name="robots" content="noindex">\n<link rel="icon" href="data:,">\n';

/** Renders a page without script and without resources of other hosts. `body` is HTML. */
export function renderPage(title: string, body: string): string {
  return renderHtmlPage({ title, style: STYLE, head: HEAD, body });
}

interface ConnectedPageOptions {
  connectionId: ConnectionId;
  /** What is still missing, although the connection was made. */
  statusReason: { detail: string; remedy: string } | null;
  /** WhatsApp numbers not registered here. */
  numbers: readonly { id: string; name: string | null }[];
  docsUrl: string;
}

/** Shown at the end of a session without `return_url`. Only API clients deal with pins. */
export function renderConnectedPage({ connectionId, statusReason, numbers, docsUrl }: ConnectedPageOptions): string {
  const lines = ['<h1>Connected</h1>'];
  if (statusReason !== null)
    lines.push(`<p>Setup is not complete. ${escapeHtml(`${statusReason.detail} ${statusReason.remedy}`)}</p>`);
  if (numbers.length > 0) lines.push(renderRegistrationNotice(connectionId, numbers, docsUrl));
  const isDone = lines.length === 1;
  lines.push(`<p>${isDone ? 'Everything is set up. ' : ''}You can close this page.</p>`);
  return renderPage('Connected', lines.join('\n'));
}

const MAX_NAMED_NUMBERS = 3;

function renderRegistrationNotice(
  connectionId: ConnectionId,
  numbers: ConnectedPageOptions['numbers'],
  docsUrl: string,
): string {
  const names = numbers.slice(0, MAX_NAMED_NUMBERS).map(({ id, name }) => escapeHtml(name ?? id));
  const rest = numbers.length - names.length;
  const [only] = numbers;
  const number = numbers.length === 1 && only !== undefined ? only.id : '{phone_number_id}';
  return `<p>Before ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} can send and receive through the WhatsApp Cloud API, one step is left, unless it was done elsewhere: registration. The business that sent you here can do it, and needs a six-digit pin from you: your two-step verification pin for the number, or a new one if you don't use that.</p>
<p><small>For that business: <code>POST /v1/connections/${connectionId}/phone-numbers/${escapeHtml(number)}/register</code> (<a href="${escapeHtml(docsUrl)}">documentation</a>)</small></p>`;
}

/**
 * Renders an error page. Code and request id help the user's support contact. `retryPath`: the path of a link that may
 * still work.
 */
export function renderProblemPage(problem: AppError, requestId: string, retryPath: string | null = null): string {
  const link = retryPath === null ? '' : `\n<p><a class="button" href="${escapeHtml(retryPath)}">Start again</a></p>`;
  return renderPage(
    problem.type.title,
    `<h1>${escapeHtml(problem.detail)}</h1>
<p>${escapeHtml(problem.remedy)}</p>${link}
<p><small>Code <code>${escapeHtml(problem.code)}</code>, request <code>${escapeHtml(requestId)}</code></small></p>`,
  );
}
