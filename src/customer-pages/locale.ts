/** Languages of the customers' pages (RFC 5646). */
export const LOCALES = ['en', 'pt-BR', 'es'] as const;
export type Locale = (typeof LOCALES)[number];

const DEFAULT: Locale = 'en';
const MAX_RANGES = 20;

/** Returns the session's locale, else the best match for `Accept-Language`, whatever the region. */
export function chooseLocale(chosen: Locale | null, acceptLanguage: string | undefined): Locale {
  if (chosen !== null) return chosen;
  for (const range of preferredRanges(acceptLanguage ?? '')) {
    const found = LOCALES.find((locale) => languageOf(locale) === languageOf(range));
    if (found !== undefined) return found;
  }
  return DEFAULT;
}

/** The language ranges of the header (RFC 9110, section 12.5.4), best first. */
function preferredRanges(header: string): string[] {
  const ranges = header.split(',', MAX_RANGES).map((part) => {
    const [range = '', ...parameters] = part.split(';').map((each) => each.trim());
    const quality = parameters.find((each) => each.startsWith('q='))?.slice(2) ?? '1';
    return { range, quality: Number(quality) };
  });
  return ranges
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ range }) => range);
}

function languageOf(tag: string): string {
  return tag.split('-', 1)[0]?.toLowerCase() ?? '';
}
