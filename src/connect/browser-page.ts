import type { AppError } from '../platform/problem.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for HTML, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** A whole page: no script, no foreign resource. `body` is HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>
body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color:#1c1e21;background:#fff}
h1{font-size:1.4rem}small{color:#606770}code{background:#f0f2f5;padding:.1rem .3rem}
button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;background:#0866ff;color:#fff;cursor:pointer}
@media (prefers-color-scheme:dark){body{color:#e4e6eb;background:#18191a}small{color:#b0b3b8}code{background:#3a3b3c}}
</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** What a person sees at the end of a session without a `return_url`. */
export function connectedPage(): string {
  return page('Connected', '<h1>Connected</h1>\n<p>Everything is set up. You can close this page.</p>');
}

/** An error that a person sees. The code and the id are for whoever they ask for help. */
export function problemPage(problem: AppError, requestId: string): string {
  return page(
    problem.type.title,
    `<h1>${escapeHtml(problem.detail)}</h1>
<p>${escapeHtml(problem.remedy)}</p>
<p><small>Code <code>${escapeHtml(problem.code)}</code>, request <code>${escapeHtml(requestId)}</code></small></p>`,
  );
}
