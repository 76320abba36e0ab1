import { describe, expect, it } from '@jest/globals';
import {
  allowText,
  isReadable,
  NEW_POLICY,
  parseAllow,
  toPolicy,
} from '../../../console/src/pages/clients/policy-draft.ts';

describe('the patterns of a policy', () => {
  it.each([
    ['', null],
    [' \n ', null],
    ['GET /**\n\n  POST /*/messages ', ['GET /**', 'POST /*/messages']],
    ['{"whatsapp": ["POST /*/messages"]}', { whatsapp: ['POST /*/messages'] }],
  ])('reads %j', (text, allow) => {
    expect(parseAllow(text)).toEqual(allow);
  });

  it.each([null, ['GET /**'], { '*': ['GET /**'], ads: [] }])('writes %j so that it reads the same', (allow) => {
    expect(parseAllow(allowText(allow))).toEqual(allow);
  });

  it('knows what begins as JSON and is none', () => {
    expect(isReadable({ ...NEW_POLICY, allow: '{"ads": [' })).toBe(false);
    expect(isReadable({ ...NEW_POLICY, allow: 'GET /**' })).toBe(true);
  });
});

it('leaves out limits that are empty', () => {
  expect(toPolicy({ ...NEW_POLICY, name: ' shop ' })).toMatchObject({
    name: 'shop',
    rate_limit_per_second: null,
    ip_allow_list: null,
    allow: null,
  });
});
