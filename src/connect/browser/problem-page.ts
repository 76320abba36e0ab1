import type { CustomerPage } from '../../customer-pages/customer-pages.ts';
import type { Locale } from '../../customer-pages/locale.ts';
import { fillMessage, messagesIn } from '../../customer-pages/messages/message-catalog.ts';
import type { ErrorText, Notice } from '../../customer-pages/messages/messages.ts';
import { escapeHtml } from '../../platform/html.ts';
import type { AppError } from '../../platform/problem.ts';

/** The language in which every problem has a text. */
const PROBLEM_LOCALE: Locale = 'en';

interface ProblemPageOptions {
  locale: Locale;
  requestId: string;
  notice?: Notice | null;
  /** Path of a link that may still work. */
  retryPath?: string | null;
}

/** Builds an error page. Code and request id help the user's support contact. */
export function buildProblemPage(
  problem: AppError,
  { locale, requestId, notice = null, retryPath = null }: ProblemPageOptions,
): CustomerPage {
  const messages = messagesIn(locale);
  const { title, remedy } = textOf(problem, locale, notice);
  const values = { code: `<code>${escapeHtml(problem.code)}</code>`, request: `<code>${escapeHtml(requestId)}</code>` };
  const retry =
    retryPath === null
      ? ''
      : `\n<p><a class="button" href="${escapeHtml(retryPath)}">${escapeHtml(messages.problem.startAgain)}</a></p>`;
  const body = `<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(remedy)}</p>${retry}
<p><small>${fillMessage(messages.problem.support, values)}</small></p>`;
  return { locale, title, body };
}

/** In words for customers, where we have them. */
function textOf(problem: AppError, locale: Locale, notice: Notice | null): ErrorText {
  const { errors } = messagesIn(locale);
  const texts: Readonly<Record<string, ErrorText>> = errors;
  const own = texts[notice ?? problem.code];
  if (own !== undefined) return own;
  return locale === PROBLEM_LOCALE ? { title: problem.detail, remedy: problem.remedy } : errors.other;
}
