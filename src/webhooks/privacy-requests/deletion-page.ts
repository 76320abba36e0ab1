import type { CustomerPage } from '../../customer-pages/customer-pages.ts';
import type { Locale } from '../../customer-pages/locale.ts';
import { fillMessage, messagesIn } from '../../customer-pages/messages/message-catalog.ts';
import { escapeHtml } from '../../platform/html.ts';
import type { DeletionStatusResponse } from './data-deletion.dto.ts';

/** Builds the page for users; null: unknown code. */
export function buildDeletionPage(state: DeletionStatusResponse | null, locale: Locale): CustomerPage {
  const { deletion } = messagesIn(locale);
  if (state === null)
    return { locale, title: deletion.title, body: render(deletion.unknown, [deletion.unknownRemedy]) };
  const requested = fillMessage(deletion.requested, {
    time: formatInstant(state.requested_at),
    code: `<code>${escapeHtml(state.confirmation_code)}</code>`,
  });
  const body =
    state.completed_at === null
      ? render(deletion.inProgress, [escapeHtml(deletion.inProgressRemedy), requested])
      : render(deletion.completed, [
          fillMessage(deletion.completedDetails, { time: formatInstant(state.completed_at) }),
          escapeHtml(deletion.connectedAgain),
          requested,
        ]);
  return { locale, title: deletion.title, body };
}

/** `paragraphs` are HTML. */
function render(heading: string, paragraphs: string[]): string {
  return [`<h1>${escapeHtml(heading)}</h1>`, ...paragraphs.map((html) => `<p>${html}</p>`)].join('\n');
}

function formatInstant(instant: string): string {
  return `${instant.slice(0, 10)}, ${instant.slice(11, 16)} UTC`;
}
