import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { epochMsOfId, firstAuditIdAt } from '../../../../src/audit/chain/entry-id-time.ts';
import { Ids } from '../../../../src/platform/ids.ts';
import { SystemRandom } from '../../../../src/platform/random.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

describe('the time in an id', () => {
  it('is parsed as generated', () => {
    const clock = new FakeClock();
    const ids = new Ids(clock, new SystemRandom());
    expect(epochMsOfId(ids.next('aud'))).toBe(clock.now().getTime());
  });

  it('is a lower bound for ids of an instant, in byte order', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true }),
        (instant) => {
          const clock = new FakeClock(instant.toISOString());
          const id = new Ids(clock, new SystemRandom()).next('aud');
          expect(firstAuditIdAt(instant.getTime()) < id).toBe(true);
          expect(firstAuditIdAt(instant.getTime() + 1) > id).toBe(true);
        },
      ),
    );
  });

  it('accepts any instant, even before 1970 and after the last ULID', () => {
    expect(firstAuditIdAt(-1)).toBe(firstAuditIdAt(0));
    expect(firstAuditIdAt(Number.MAX_SAFE_INTEGER)).toBe(firstAuditIdAt(2 ** 48 - 1));
  });

  it('is null if the id is not ours', () => {
    for (const id of ['', 'aud_', 'aud_short', 'cli_01jd0000000000000000000000', 'aud_01JD0000000000000000000000']) {
      expect(epochMsOfId(id)).toBeNull();
    }
  });
});
