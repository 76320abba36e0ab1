import { inspect } from 'node:util';
import { firstIdAt, Ids, isId } from '../../../src/platform/ids.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { SystemRandom } from '../../../src/platform/random.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const TOKEN = 'EAAcanary';

describe('SecretString', () => {
  it('prints as a mask everywhere', () => {
    const secret = new SecretString(TOKEN);
    const shown = [`${secret}`, JSON.stringify({ secret }), inspect({ secret }, { depth: 9 }), String(secret)];
    for (const text of shown) {
      expect(text).toContain('[secret]');
      expect(text).not.toContain(TOKEN);
    }
    expect(Object.values(secret)).toEqual([]);
    expect(secret.expose()).toBe(TOKEN);
  });
});

describe('the log', () => {
  it('shows neither secrets nor what clients attach to errors', () => {
    const lines: string[] = [];
    const log = createLogger('info', { write: (line: string) => void lines.push(line) });
    const error = Object.assign(new Error('failed', { cause: new Error('deeper') }), { request: { token: TOKEN } });
    log.info({ secret: new SecretString(TOKEN), access_token: TOKEN, inner: { token: TOKEN } }, 'x');
    log.error({ err: error });
    expect(lines.join('')).not.toContain(TOKEN);
    expect(lines[1]).toContain('deeper');
  });
});

describe('ids', () => {
  const clock = new FakeClock();
  const ids = new Ids(clock, new SystemRandom());

  it('sort by creation time', () => {
    const made: string[] = [];
    for (let i = 0; i < 50; i++) {
      made.push(ids.next('con'));
      clock.advance(0.001);
    }
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(50);
    expect(firstIdAt('con', clock.now()) > (made.at(-1) ?? '')).toBe(true);
    expect(firstIdAt('con', clock.now()) < ids.next('con')).toBe(true);
  });

  it('of the same millisecond sort in order of creation, whatever the randomness', () => {
    const still = new FakeClock();
    const random = { bytes: (size: number) => Buffer.alloc(size, 255), fraction: () => 0 };
    const counted = new Ids(still, random);
    const made = Array.from({ length: 5_000 }, () => counted.next('evt'));
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(5_000);
    expect(made.every((id) => isId(id, 'evt'))).toBe(true);
    still.advance(-1);
    expect(counted.next('evt') < (made[0] ?? '')).toBe(true);
  });

  it('are recognized by form', () => {
    expect(isId(ids.next('lse'), 'lse')).toBe(true);
    for (const wrong of ['lse_', 'lse_x', ids.next('con'), ids.next('lse').toUpperCase(), `${ids.next('lse')}0`]) {
      expect(isId(wrong, 'lse')).toBe(false);
    }
  });
});
