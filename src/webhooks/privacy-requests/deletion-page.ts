import type { DeletionStatusResponse } from './data-deletion.dto.ts';

/** Renders the page for users; null: unknown code. Needs no escaping: a code is hexadecimal or not shown. */
export function renderDeletionPage(state: DeletionStatusResponse | null): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Data deletion</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
  main { max-width: 36rem; margin: 3rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.5rem; line-height: 1.25; }
  code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
</style>
<main>
${state === null ? UNKNOWN : renderBody(state)}
</main>
</html>
`;
}

const UNKNOWN = `<h1>No request has this code</h1>
<p>Check the confirmation code that Facebook or Instagram showed you.</p>`;

function renderBody(state: DeletionStatusResponse): string {
  const requestedLine = `<p>Requested on ${formatInstant(state.requested_at)}. Confirmation code: <code>${state.confirmation_code}</code></p>`;
  if (state.completed_at === null) {
    return `<h1>Your data is being deleted</h1>\n<p>This takes a few minutes. Please check back later.</p>\n${requestedLine}`;
  }
  return `<h1>Your data has been deleted</h1>
<p>As of ${formatInstant(state.completed_at)}, this service has no access to your account and no longer stores your name or ID from that request.
If you connected your account again after the request, that new connection remains until you remove it.</p>
${requestedLine}`;
}

function formatInstant(instant: string): string {
  return `${instant.slice(0, 10)}, ${instant.slice(11, 16)} UTC`;
}
