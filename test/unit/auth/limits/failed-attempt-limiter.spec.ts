import { describe, expect, it } from '@jest/globals';
import { networkOf } from '../../../../src/auth/limits/failed-attempt-limiter.ts';

describe('the network of an address', () => {
  it('is the address for IPv4, even if mapped to IPv6', () => {
    expect(networkOf('203.0.113.7')).toBe('203.0.113.7');
    expect(networkOf('::ffff:203.0.113.7')).toBe('203.0.113.7');
  });

  it('is the /64 for IPv6', () => {
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(networkOf('2001:db8:1:2:ffff::1')).toBe('2001:db8:1:2::/64');
    expect(networkOf('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64');
  });

  it('does not fail for an invalid address', () => {
    expect(networkOf('')).toBe('unknown');
    expect(networkOf('fe80::1%eth0')).toBe('fe80::/64');
  });
});
