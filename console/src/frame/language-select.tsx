import { NativeSelect } from '@mantine/core';
import { LOCALE_NAMES, LOCALES } from '../messages/locale.ts';
import { useLanguage } from '../messages/use-messages.tsx';

export function LanguageSelect() {
  const { locale, setLocale, messages } = useLanguage();
  return (
    <NativeSelect
      size="xs"
      aria-label={messages.frame.session.language}
      value={locale}
      data={LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value] }))}
      onChange={(event) => {
        const chosen = LOCALES.find((each) => each === event.currentTarget.value);
        if (chosen !== undefined) setLocale(chosen);
      }}
    />
  );
}
