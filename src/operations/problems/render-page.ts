import { renderHtmlPage } from '../../platform/html.ts';

const STYLE = `  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
  main { max-width: 42rem; margin: 3rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.5rem; line-height: 1.25; }
  code { font: 0.9em ui-monospace, monospace; }
  dt { font-weight: 600; margin-top: 1rem; }
  dd { margin: 0; }
  li { margin: 0.35rem 0; }`;

/** Renders a page about problems. `body` is HTML; all untrusted text in it must already be escaped. */
export function renderPage(title: string, body: string): string {
  return renderHtmlPage({ title: `${title} · Metavault`, style: STYLE, body });
}
