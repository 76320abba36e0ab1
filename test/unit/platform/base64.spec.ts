import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeBase64Url } from '../../../src/platform/base64.ts';
import { decodeCursor, toPage } from '../../../src/platform/paging.ts';

describe('base64url', () => {
  it('decodes what it encodes, and nothing that encodes to something else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(),
        fc.constantFrom(...'ABab01-_=. +/é'),
        (bytes, at, other) => {
          const text = Buffer.from(bytes).toString('base64url');
          expect(decodeBase64Url(text)).toEqual(Buffer.from(bytes));
          const index = at % (text.length + 1);
          const changed = text.slice(0, index) + other + text.slice(index + 1);
          const decoded = decodeBase64Url(changed);
          if (changed !== text && decoded !== null) expect(decoded).not.toEqual(Buffer.from(bytes));
        },
      ),
    );
  });

  it.each(['QQ==', 'QR', 'Q', 'QQ ', 'Q+'])('%j is not canonical', (text) => {
    expect(decodeBase64Url(text)).toBeNull();
  });
});

describe('a cursor', () => {
  const id = 'con_01m820gjcqvk2r7y9n5e7gxjcf';
  const { next_cursor: cursor } = toPage([{ id }, { id: 'con_01m820gjcqvk2r7y9n5e7gxjcg' }], 1, (row) => row);

  it('leads back to its row in the one form that was given', () => {
    expect(decodeCursor(cursor ?? '')).toBe(id);
    for (const other of [`${cursor}=`, ` ${cursor}`, `${cursor}.`]) expect(() => decodeCursor(other)).toThrow();
  });
});
