import { describe, expect, it } from '@jest/globals';
import { appendValidators, namesEntityTag } from '../../../../src/gateway/response/validators.ts';

describe('namesEntityTag', () => {
  it.each([
    ['"a"', '"a"', true],
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['"x", W/"a" , "y"', '"a"', true],
    ['"x,a"', '"a"', false],
    ['"A"', '"a"', false],
    ['*', '"a"', false],
    ['a', 'a', false],
    ['', '"a"', false],
    [null, '"a"', false],
    ['"a"', undefined, false],
    ['""', '""', true],
  ])('%s of %s: %s', (ifNoneMatch, etag, expected) => {
    expect(namesEntityTag(ifNoneMatch, etag)).toBe(expected);
  });
});

describe('appendValidators', () => {
  it('adds what may pass as it is', () => {
    const head = ['a', 'b'];
    appendValidators(head, { etag: '"token"', 'last-modified': 'yesterday', date: 'today' }, (value) =>
      value.replace('token', 'lease'),
    );
    expect(head).toEqual(['a', 'b', 'last-modified', 'yesterday']);
  });
});
