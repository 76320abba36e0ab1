import { describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../src/database/database.ts';
import { GatewayError } from '../../../../src/gateway/gateway-error.ts';
import type { EffectiveCall } from '../../../../src/gateway/request/call-rules.ts';
import { parseGatewayPath } from '../../../../src/gateway/request/gateway-path.ts';
import { findRegisteredNumbers, RegistrationGuard } from '../../../../src/gateway/request/registration-guard.ts';

const call = (method: string, path: string, ids: string[] = []): EffectiveCall => ({
  methods: method.split(' '),
  segments: parseGatewayPath(`/graph${path}`)?.segments ?? [],
  fields: [],
  ids,
  callbacks: [],
});

describe('a call that registers', () => {
  it.each<[string, EffectiveCall, string[]]>([
    ['by path', call('post', '/123/register'), ['123']],
    ['with a version and a slash', call('post', '/v26.0/123/register/'), ['123']],
    ['in capitals and percent-encoded', call('post', '/123/%52EGISTER'), ['123']],
    ['by method=', call('get post', '/123/register'), ['123']],
    ['by ids', call('post', '/register', ['1,2']), ['1', '2']],
    ['by ids in JSON', call('post', '/register', ['["1", "2"]']), ['1', '2']],
    ['by id with the edge', call('post', '/', ['123/register']), ['123']],
    ['with a reference', { ...call('post', '/'), segments: ['~', 'register'] }, ['~']],
  ])('names its numbers: %s', (_, asked, numbers) => expect(findRegisteredNumbers(asked)).toEqual(numbers));

  it.each<[string, EffectiveCall]>([
    ['reading', call('get', '/123/register')],
    ['another edge', call('post', '/123/messages')],
    ['deregistering', call('post', '/123/deregister')],
    ['registered', call('post', '/123/registered')],
    ['an object', call('post', '/123', ['1'])],
  ])('is not %s', (_, asked) => expect(findRegisteredNumbers(asked)).toBeNull());
});

describe('the guard', () => {
  const asked: string[] = [];
  const guard = new RegistrationGuard({
    failFast: {
      rows: async ({ values }: { values: string[] }) => {
        asked.push(...values);
        return [{ id: '77' }, { id: '78' }];
      },
    },
  } as unknown as Database);
  const outcome = async (each: EffectiveCall): Promise<string> => {
    try {
      await guard.assertAllowed('con_one', each);
      return 'passes';
    } catch (error) {
      return (error as GatewayError).code;
    }
  };

  it.each([
    ['/77/register', [], 'registration_not_allowed'],
    ['/register', ['1,78'], 'registration_not_allowed'],
    // Other spellings might mean that number: only Meta knows.
    ['/077/register', [], 'registration_not_allowed'],
    ['/+77/register', [], 'registration_not_allowed'],
    ['/a/77/register', [], 'registration_not_allowed'],
    ['/79/register', [], 'passes'],
    ['/register', ['79,80'], 'passes'],
    ['/register', [], 'passes'],
  ])('judges %s with ids %j: %s', async (path, ids, expected) => {
    expect(await outcome(call('post', path, ids))).toBe(expected);
  });

  it('reads the numbers of the connection once for such a call, and never for another', async () => {
    asked.length = 0;
    for (const path of ['/77/messages', '/77/deregister', '/77', '/']) await outcome(call('post', path));
    await outcome(call('get', '/77/register'));
    expect(asked).toEqual([]);
    await outcome(call('post', '/77/register'));
    expect(asked).toEqual(['con_one']);
  });
});
