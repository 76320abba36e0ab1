import { describe, expect, it } from '@jest/globals';
import {
  detectVersionDrift,
  findOldestLivingVersion,
  getVersionEnd,
  isKnownVersion,
} from '../../../../src/meta/graph/graph-version.ts';

it('compares versions', () => {
  expect(detectVersionDrift('v25.0', 'v25.0')).toBe('none');
  expect(detectVersionDrift('v25.0', 'v26.0')).toBe('newer');
  expect(detectVersionDrift('v9.0', 'v10.0')).toBe('newer');
  expect(detectVersionDrift('v25.0', 'v24.0')).toBe('older');
  expect(detectVersionDrift('v25.0', undefined)).toBe('unknown');
});

describe('the table of versions', () => {
  it.each([
    ['v17.0', 'past', 'past'],
    ['v3.3', 'past', 'past'],
    ['v20.0', '2026-09-24', '2025-05-06'],
    ['v21.0', '2027-01-21', '2025-09-09'],
    ['v24.0', '2028-02-18', '2026-11-10'],
    ['v25.0', '2028-07-29', '2027-02-23'],
    ['v26.0', null, null],
    ['v99.0', null, null],
    ['v1.0.1', null, null],
    ['latest', null, null],
  ])('knows when %s ends: %s, for the Marketing API %s', (version, graph, marketing) => {
    const day = (end: Date | 'past' | null) => (end instanceof Date ? end.toISOString().slice(0, 10) : end);
    expect([day(getVersionEnd(version)), day(getVersionEnd(version, 'marketing'))]).toEqual([graph, marketing]);
  });

  it('knows the oldest living version', () => {
    expect(findOldestLivingVersion(new Date('2026-11-28T00:00:00Z'))).toBe('v21.0');
    expect(findOldestLivingVersion(new Date('2027-01-21T00:00:00Z'))).toBe('v22.0');
    expect(findOldestLivingVersion(new Date('2026-11-28T00:00:00Z'), 'marketing')).toBe('v25.0');
    expect(findOldestLivingVersion(new Date('2040-01-01T00:00:00Z'))).toBe('v26.0');
  });

  it('ends every version for the Marketing API no later than for the Graph API', () => {
    for (let major = 18; isKnownVersion(`v${major}.0`); major++) {
      const ends = (['marketing', 'graph'] as const).map((api) => {
        const end = getVersionEnd(`v${major}.0`, api);
        return end instanceof Date ? end.getTime() : Number.POSITIVE_INFINITY;
      });
      expect([major, ends]).toEqual([major, [...ends].sort((a, b) => a - b)]);
    }
  });

  it('knows its versions and no others that a caller may name', () => {
    expect([isKnownVersion('v26.0'), isKnownVersion('v99.0'), isKnownVersion('v1.0')]).toEqual([true, false, false]);
  });
});
