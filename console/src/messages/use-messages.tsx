import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { type Locale, loadMessages } from './locale.ts';
import type { Messages } from './messages.ts';

const STORAGE_KEY = 'metavault-console-locale';

interface Language {
  locale: Locale;
  messages: Messages;
  setLocale: (locale: Locale) => void;
}

const LanguageContext = createContext<Language | null>(null);

/** Holds the language; loads another one when it is chosen. */
export function LanguageProvider(props: { locale: Locale; messages: Messages; children: ReactNode }) {
  const [language, setLanguage] = useState({ locale: props.locale, messages: props.messages });
  const value = useMemo<Language>(
    () => ({
      ...language,
      setLocale: (locale) => {
        localStorage.setItem(STORAGE_KEY, locale);
        void loadMessages(locale).then((messages) => setLanguage({ locale, messages }));
      },
    }),
    [language],
  );
  useEffect(() => {
    document.documentElement.lang = language.locale;
  }, [language.locale]);
  return <LanguageContext value={value}>{props.children}</LanguageContext>;
}

/** The locale that was chosen in this browser, if any. */
export function storedLocale(): string | null {
  return localStorage.getItem(STORAGE_KEY);
}

export function useLanguage(): Language {
  const language = useContext(LanguageContext);
  if (language === null) throw new Error('There is no LanguageProvider above.');
  return language;
}

export function useMessages(): Messages {
  return useLanguage().messages;
}
