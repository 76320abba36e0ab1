import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isInRanges, parseIpRange } from '../../../../src/auth/limits/ip-allow-list.ts';

describe('a range', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.0/24', '203.0.113.255'],
    ['127.0.0.1/8', '127.9.9.9'],
    ['0.0.0.0/0', '8.8.8.8'],
    ['2001:db8::/32', '2001:db8:1::1'],
    ['::1', '::1'],
    ['203.0.113.0/24', '::ffff:203.0.113.9'],
    ['::ffff:203.0.113.0/120', '203.0.113.9'],
    ['::ffff:203.0.113.7', '::ffff:203.0.113.7'],
    ['fe80::/10', 'fe80::1%eth0'],
  ])('%s contains %s', (range, address) => {
    expect(isInRanges(['192.0.2.0/30', range], address)).toBe(true);
  });

  it.each([
    ['203.0.113.0/24', '203.0.114.1'],
    ['0.0.0.0/0', '2001:db8::1'],
    ['::/0', '203.0.113.7'],
    ['::/0', '::ffff:203.0.113.7'],
    ['203.0.113.7', ''],
    ['203.0.113.7', 'unknown'],
    ['203.0.113.7', '203.0.113.7:443'],
    ['0.0.0.7', '7'.repeat(30)],
  ])('%s does not contain %j', (range, address) => {
    expect(isInRanges([range], address)).toBe(false);
  });

  it.each([
    '',
    'x',
    '1',
    '127.1',
    '0x7f.0.0.1',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/8/8',
    '1.2.3.4/255.0.0.0',
    '::/129',
    'fe80::1%eth0',
    '::1/ 8',
    'host.example/8',
  ])('rejects %j', (text) => expect(parseIpRange(text)).toBeNull());

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (range, address) => typeof isInRanges([range], address) === 'boolean'),
    );
  });
});
