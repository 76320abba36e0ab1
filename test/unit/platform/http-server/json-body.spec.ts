import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseJsonBody } from '../../../../src/platform/http-server/json-body.ts';
import { AppError } from '../../../../src/platform/problem.ts';

function fault(text: string): { path: string; message: string } | undefined {
  try {
    parseJsonBody(text);
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_request') return error.occurrence.errors?.[0];
    throw error;
  }
  return undefined;
}

describe('parseJsonBody', () => {
  it('parses JSON objects like JSON.parse', () => {
    const keys = fc
      .string()
      .filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key) && !key.includes('\0'));
    const texts = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        texts,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any')),
        tie('object'),
      ),
      object: fc.dictionary(keys, tie('any')),
    })).object;
    fc.assert(
      fc.property(value, (object) => {
        expect(parseJsonBody(JSON.stringify(object))).toEqual(JSON.parse(JSON.stringify(object)));
      }),
    );
  });

  it.each([
    ['no JSON', '{"a":', 'body'],
    ['a list', '[1]', 'body'],
    ['a word', '"a"', 'body'],
    ['null', 'null', 'body'],
    ['a field twice', '{"a":1,"a":1}', 'a'],
    ['a field twice, spelt differently', '{"a":1,"\\u0061":2}', 'a'],
    ['a field twice, deep inside, with colons in strings', '{"x":"a:b\\":","y":[{"k":1,"k":2}]}', 'k'],
    ['__proto__', '{"a":{"__proto__":{"x":1}}}', 'a.__proto__'],
    ['constructor', '{"constructor":1}', 'constructor'],
    ['NUL in a value', '{"a":["ok","\\u0000"]}', 'a[1]'],
    ['half a surrogate pair', '{"a":"\\ud800"}', 'a'],
    ['NUL in a name', '{"\\u0000":1}', 'body'],
  ])('rejects %s', (_, text, path) => {
    expect(fault(text)?.path).toBe(path);
  });

  it('rejects deep nesting without a stack overflow', () => {
    const deep = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(fault(deep(31))).toBeUndefined();
    expect(fault(deep(33))?.message).toMatch(/nested deeper/);
    expect(fault(deep(100_000))?.message).toMatch(/nested deeper/);
  });

  it('never quotes the body', () => {
    expect(JSON.stringify(fault('{"access_token":"EAAsecret'))).not.toContain('EAAsecret');
  });
});
