import { describe, expect, it } from '@jest/globals';
import { networkOf } from '../../../../src/auth/limits/failed-attempt-limiter.ts';

describe('the network of an address', () => {
  it('is the address itself for IPv4, written as IPv6 or not', () => {
    expect(networkOf('203.0.113.7')).toBe('203.0.113.7');
    expect(networkOf('::ffff:203.0.113.7')).toBe('203.0.113.7');
  });

  it('is the /64 for IPv6', () => {
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(networkOf('2001:db8:1:2:ffff::1')).toBe('2001:db8:1:2::/64');
    expect(networkOf('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64');
  });

  it('does not fail on what is no address', () => {
    expect(networkOf('')).toBe('unknown');
    expect(networkOf('fe80::1%eth0')).toBe('fe80::/64');
  });
});
