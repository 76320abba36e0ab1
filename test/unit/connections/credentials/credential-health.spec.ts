import { describe, expect, it } from '@jest/globals';
import { nextHealthSql } from '../../../../src/connections/credentials/claimed-credential.repository.ts';
import {
  HEALTH_CHANGE_OF,
  type HealthChange,
  healthsAfter,
  nextHealth,
} from '../../../../src/connections/credentials/credential-health.ts';
import type { Health } from '../../../../src/connections/credentials/credential-kind.ts';

const HEALTHS: Health[] = ['healthy', 'expiring', 'invalid', 'unknown'];

describe('the health of a credential', () => {
  it.each<[HealthChange, Health]>([
    ['granted', 'healthy'],
    ['found_valid', 'healthy'],
    ['found_ending', 'expiring'],
    ['found_dead', 'invalid'],
    ['unreadable', 'unknown'],
    ['verification_requested', 'unknown'],
    ['destroyed', 'invalid'],
  ])('after %s is %s from any state', (change, expected) => {
    for (const health of HEALTHS) expect(nextHealth(health, change)).toBe(expected);
  });

  it('becomes unknown when the token is suspected, unless it is known to be invalid', () => {
    expect(HEALTHS.map((health) => nextHealth(health, 'suspected'))).toEqual([
      'unknown',
      'unknown',
      'invalid',
      'unknown',
    ]);
  });

  it('stays the same if the finding is not new', () => {
    for (const health of HEALTHS) expect(nextHealth(health, HEALTH_CHANGE_OF[health])).toBe(health);
  });
});

describe('nextHealthSql', () => {
  it('is a constant if the stored health does not matter', () => {
    expect(nextHealthSql('granted')).toMatchObject({ text: '$1', values: ['healthy'] });
  });

  it('is the transition table otherwise', () => {
    const { text, values } = nextHealthSql('suspected');
    expect(text).toMatch(/^CASE health (WHEN \$\d::text THEN \$\d::text ){4}END$/);
    expect(values).toEqual(healthsAfter('suspected').flat());
  });
});
