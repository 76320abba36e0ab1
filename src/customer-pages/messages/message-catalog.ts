import { escapeHtml } from '../../platform/html.ts';
import type { Locale } from '../locale.ts';
import { ENGLISH } from './en.ts';
import { SPANISH } from './es.ts';
import type { Messages } from './messages.ts';
import { BRAZILIAN_PORTUGUESE } from './pt-br.ts';

const CATALOG: Readonly<Record<Locale, Messages>> = { en: ENGLISH, 'pt-BR': BRAZILIAN_PORTUGUESE, es: SPANISH };

export function messagesIn(locale: Locale): Messages {
  return CATALOG[locale];
}

/** Puts values, which are HTML, into a message, which is text. Returns HTML; throws for a placeholder without value. */
export function fillMessage(message: string, values: Readonly<Record<string, string>>): string {
  return escapeHtml(message).replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The message has no value for {${name}}: ${message}`);
    return value;
  });
}
