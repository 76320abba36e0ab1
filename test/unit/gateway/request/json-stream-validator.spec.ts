import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../../../src/gateway/gateway-error.ts';
import { JsonStreamValidator } from '../../../../src/gateway/request/json-stream-validator.ts';

function validate(text: string, size = text.length): string {
  const validator = new JsonStreamValidator();
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; at += Math.max(1, size))
      validator.push(bytes.subarray(at, at + Math.max(1, size)));
    validator.end();
  } catch (error) {
    return (error as GatewayError).code;
  }
  return 'passes';
}

describe('JsonStreamValidator', () => {
  it('lets every strict object pass that decides nothing, however it is cut', () => {
    const deciding = /^\W*(?:access.token|appsecret.(?:proof|time)|method|batch|fields|ids?)\W*/i;
    const name = fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !deciding.test(text.normalize('NFKC')));
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.jsonValue()),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(4),
        (value, size, blanks) => {
          expect(validate(JSON.stringify(value, null, blanks), size)).toBe('passes');
        },
      ),
    );
  });

  it.each([
    'access_token',
    'Access_Token',
    'access.token',
    'method',
    'batch',
    'batch[0]',
    'ids',
    'id',
    'fields',
    'appsecret_proof',
  ])('stops at the outermost member %s, in any spelling', (name) => {
    const escaped = [...name].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('');
    for (const written of [name, escaped]) {
      for (const size of [1, 5, 1000]) {
        expect(validate(`{"a":{"b":["}",2]},"${written}":1}`, size)).toBe('payload_too_large');
        expect(validate(`{"a":{"${written}":"x\\"}"},"b":[{"${written}":1}]}`, size)).toBe('passes');
      }
    }
  });

  it.each([
    '',
    '[]',
    '"a"',
    '{',
    '{"a":1',
    '{"a":1}}',
    '{"a":1}{"method":1}',
    '{"a":1,}',
    '{"a" 1}',
    '{"a"::1}',
    '{a:1}',
    "{'a':1}",
    '{"a":1 /* " */}',
    '{"a":[1}',
    '{"a":{"b":1]}',
    '{"a":[\'"\',"x"]}',
    '{"a":"line\nbreak"}',
    '{"a":1}x',
    '\ufeff{"a":1}',
    '{"a\\x":1}',
    `{"${'a'.repeat(300)}":1}`,
    `{"a":${'['.repeat(600)}`,
  ])('stops what is no strict object: %j', (text) => {
    for (const size of [1, 1000]) expect(validate(text, size)).toBe('invalid_request');
  });
});
