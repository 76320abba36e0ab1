import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readMetaWords } from '../../../../src/meta/errors/meta-words.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';

const SECRET = 'p4ss/wo-d+1';
const say = (message: unknown) => readMetaWords({ error: { message } } as never, [new SecretString(SECRET)]);

it.each([
  ['Error validating client secret.', 'Error validating client secret.'],
  ['  two\n lines\u0007\u2028here ', 'two lines here'],
  ['Unknown app 1029384756102938475610293847.', 'Unknown app 1029384756102938475610293847.'],
  [`Secret ${SECRET} is wrong`, 'Secret [hidden] is wrong'],
  [`client_secret=${encodeURIComponent(SECRET)}&x`, 'client_secret=[hidden]&x'],
  ['Token EAAGm0PX4ZCpsBO7Qd1BO7QdBO7Q is invalid', 'Token [hidden] is invalid'],
  ['App 1029384756102938|0123456789abcdef0123456789abcdef', 'App [hidden]'],
  ['', null],
  [7, null],
])('of %j are %j', (message, words) => {
  expect(say(message)).toBe(words);
});

it('are found in the shape of Instagram, too, and nowhere else', () => {
  expect(readMetaWords({ error_type: 'OAuthException', error_message: 'Invalid platform app' }, [])).toBe(
    'Invalid platform app',
  );
  expect(readMetaWords({ message: 'no' }, [])).toBeNull();
  expect(readMetaWords(undefined, [])).toBeNull();
});

it('never hold a secret, and are short', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[\x21-\x7e]{8,64}$/),
      fc.string({ maxLength: 300 }),
      fc.string(),
      (secret, before, after) => {
        fc.pre(!'[hidden]'.includes(secret) && !before.includes('[hid') && !after.includes('den]'));
        const words = readMetaWords({ error: { message: before + secret + after } }, [new SecretString(secret)]) ?? '';
        expect(words.includes(secret)).toBe(false);
        expect(words.length).toBeLessThanOrEqual(200);
      },
    ),
  );
});
