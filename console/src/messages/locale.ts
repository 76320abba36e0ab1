import type { Messages } from './messages.ts';

/** Languages of the console (RFC 5646). */
export const LOCALES = ['en', 'pt-BR', 'es'] as const;
export type Locale = (typeof LOCALES)[number];

/** The name of each language in that language. */
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = {
  en: 'English',
  // cspell:disable
  'pt-BR': 'Português (Brasil)',
  es: 'Español',
  // cspell:enable
};

const LOADERS: Readonly<Record<Locale, () => Promise<{ MESSAGES: Messages }>>> = {
  en: () => import('./en.ts'),
  'pt-BR': () => import('./pt-br.ts'),
  es: () => import('./es.ts'),
};

/** Loads the messages of a language, which are in a separate file. */
export async function loadMessages(locale: Locale): Promise<Messages> {
  return (await LOADERS[locale]()).MESSAGES;
}

/**
 * Returns the locale that was chosen before, else the browser's first preference that we support. Another regional
 * variant of a language is acceptable.
 */
export function chooseLocale(chosen: string | null, preferred: readonly string[]): Locale {
  const languageOf = (tag: string): string => tag.split('-', 1)[0]?.toLowerCase() ?? '';
  for (const tag of [...(chosen === null ? [] : [chosen]), ...preferred]) {
    const found = LOCALES.find((locale) => languageOf(locale) === languageOf(tag));
    if (found !== undefined) return found;
  }
  return 'en';
}
