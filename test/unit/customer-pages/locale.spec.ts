import { describe, expect, it } from '@jest/globals';
import { chooseLocale } from '../../../src/customer-pages/locale.ts';

describe('the language of a page', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'en'],
    ['', 'en'],
    ['*', 'en'],
    ['fr, de;q=0.9', 'en'],
    ['pt-BR,pt;q=0.9,en;q=0.8', 'pt-BR'],
    ['pt', 'pt-BR'],
    ['PT-pt', 'pt-BR'],
    ['es-419, en;q=0.5', 'es'],
    ['fr;q=1, es;q=0.2, en;q=0.7', 'en'],
    ['en;q=0.1, es; q=0.9', 'es'],
    ['es;q=0, pt', 'pt-BR'],
    ['esperanto', 'en'],
    [';q=,,;;', 'en'],
    ['es;q=x', 'en'],
    [`${'fr,'.repeat(5_000)}es`, 'en'],
  ])('for Accept-Language %j is %s', (header, expected) => {
    expect(chooseLocale(null, header)).toBe(expected);
  });

  it("is the session's, whatever the browser prefers", () => {
    expect(chooseLocale('es', 'pt-BR')).toBe('es');
  });
});
