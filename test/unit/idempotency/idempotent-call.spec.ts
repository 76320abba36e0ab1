import { describe, expect, it } from '@jest/globals';
import { canonicalJson, parseIdempotencyKey } from '../../../src/idempotency/idempotent-call.ts';
import { AppError } from '../../../src/platform/problem.ts';
import { catchError } from '../../support/catch-error.ts';

describe('parseIdempotencyKey', () => {
  it.each([
    [undefined, null],
    ['order-1', 'order-1'],
    ['"order-1"', 'order-1'],
    ['"a \\"b\\" \\\\c"', 'a "b" \\c'],
    ['a b', 'a b'],
    ['"half', '"half'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ])('reads %j as %j', (header, key) => {
    expect(parseIdempotencyKey(header)).toBe(key);
  });

  it.each(['', '""', 'x'.repeat(256), 'clé', 'tab\there'])('refuses %j', async (header) => {
    const error = await catchError(AppError, Promise.resolve(header).then(parseIdempotencyKey));
    expect(error).toMatchObject({ code: 'invalid_request', occurrence: { errors: [{ path: 'Idempotency-Key' }] } });
  });
});

describe('canonicalJson', () => {
  it('ignores the order of members, at any depth, but not of items', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe(canonicalJson({ a: null, b: [{ c: 2, d: 1 }] }));
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
    expect(canonicalJson({ a: 1 })).not.toBe(canonicalJson({ a: '1' }));
  });

  it('takes a missing body', () => {
    expect(canonicalJson(undefined)).toBe('null');
  });
});
