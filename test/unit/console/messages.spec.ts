import { describe, expect, it } from '@jest/globals';
import { chooseLocale, LOCALES, loadMessages } from '../../../console/src/messages/locale.ts';
import { fill } from '../../../console/src/messages/messages.ts';

type Tree = { readonly [key: string]: string | Tree };

/** `frame.list.next` → the message */
function flatten(tree: Tree, path = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[`${path}${key}`, value] as [string, string]] : flatten(value, `${path}${key}.`),
  );
}

const placeholdersOf = (message: string): string[] => [...message.matchAll(/\{\w+\}/g)].map(String).sort();

describe.each(LOCALES)('the messages in %s', (locale) => {
  it('are those of English, with the same placeholders, and none is empty', async () => {
    const english = flatten(await loadMessages('en'));
    const messages = new Map(flatten(await loadMessages(locale)));
    expect([...messages.keys()].sort()).toEqual(english.map(([path]) => path).sort());
    for (const [path, message] of english)
      expect([path, placeholdersOf(messages.get(path) ?? '')]).toEqual([path, placeholdersOf(message)]);
    expect([...messages].filter(([, message]) => message.trim() === '')).toEqual([]);
  });
});

describe('a message', () => {
  it('takes values for its placeholders', () => {
    expect(fill('{a} of {b}', { a: 1, b: 'two' })).toBe('1 of two');
  });

  it('is not shown with a placeholder that has no value', () => {
    expect(() => fill('{a} of {b}', { a: 1 })).toThrow('{b}');
  });
});

describe('the locale', () => {
  it.each([
    [null, ['fr', 'pt-PT', 'en'], 'pt-BR'],
    ['es', ['en'], 'es'],
    ['fr', ['de'], 'en'],
    [null, [], 'en'],
  ] as const)('for %j and %j is %s', (chosen, preferred, locale) => {
    expect(chooseLocale(chosen, preferred)).toBe(locale);
  });
});
