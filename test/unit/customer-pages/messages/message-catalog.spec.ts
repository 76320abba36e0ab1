import { describe, expect, it } from '@jest/globals';
import { LOCALES } from '../../../../src/customer-pages/locale.ts';
import { fillMessage, messagesIn } from '../../../../src/customer-pages/messages/message-catalog.ts';

/** Every text by its path: `signup.start`. */
function textsOf(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  return Object.entries(value as object).flatMap(([key, each]) => textsOf(each, path === '' ? key : `${path}.${key}`));
}

const placeholdersOf = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([each]) => each).sort();
const ENGLISH = new Map(textsOf(messagesIn('en')));
/** Names, and words that are the same in several languages. */
const SAME = new Set(['products.whatsapp.title', 'products.instagram.title', 'products.threads.title']);

describe.each(LOCALES)('the messages in %s', (locale) => {
  const texts = new Map(textsOf(messagesIn(locale)));

  it('are all there, none of them blank', () => {
    expect([...texts.keys()].sort()).toEqual([...ENGLISH.keys()].sort());
    expect([...texts].filter(([, text]) => text.trim() === '' || text !== text.trim())).toEqual([]);
  });

  it('have the placeholders of the English ones', () => {
    for (const [path, text] of texts)
      expect([path, placeholdersOf(text)]).toEqual([path, placeholdersOf(ENGLISH.get(path) ?? '')]);
  });

  it('are translated', () => {
    if (locale === 'en') return;
    expect([...texts].filter(([path, text]) => text === ENGLISH.get(path) && !SAME.has(path))).toEqual([]);
  });
});

describe('filling a message', () => {
  it('escapes its text, and puts values in as they are', () => {
    expect(fillMessage('<a> & {name}, {name}', { name: '<bdi>x</bdi>' })).toBe(
      '&lt;a&gt; &amp; <bdi>x</bdi>, <bdi>x</bdi>',
    );
  });

  it('leaves placeholders in values alone, and throws for one without a value', () => {
    expect(fillMessage('{name}', { name: '{other}' })).toBe('{other}');
    expect(() => fillMessage('{name}', {})).toThrow('no value for {name}');
  });
});
