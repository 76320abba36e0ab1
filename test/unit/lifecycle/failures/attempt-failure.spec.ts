import { describe, expect, it } from '@jest/globals';
import { toAttemptFailure } from '../../../../src/lifecycle/failures/attempt-failure.ts';
import { isRecoverable, toDeathReason } from '../../../../src/lifecycle/failures/death-reason.ts';
import { classifyError } from '../../../../src/meta/errors/classify-error.ts';
import { MetaError } from '../../../../src/meta/errors/meta-error.ts';

const failure = (code: number | null, httpStatus: number | null = 400) =>
  toAttemptFailure(
    new MetaError({
      verdict: classifyError({ httpStatus, code }),
      httpStatus,
      operation: 'renew_user',
      mayHaveCommitted: false,
    }),
  );

describe('failureOf', () => {
  it.each([1, 2, 4, 17, 32, 341, 613, 80000, 80001, 80004, 80008, 80014])(
    'retries code %d soon, without declaring the token dead',
    (code) => {
      expect(['meta_unavailable', 'meta_throttled', 'throttled']).toContain(failure(code, 500).code);
      expect(failure(code, 500).retryClass).toBe('soon');
    },
  );

  it('retries soon if there was no response', () => {
    expect(failure(null, null)).toMatchObject({ code: 'meta_unavailable', retryClass: 'soon' });
  });

  it.each([
    [101, 'meta_configuration'],
    [10, 'meta_permission'],
    [368, 'meta_blocked'],
    [100, 'meta_refused'],
  ])('treats code %d as one that somebody must fix', (code, text) => {
    expect(failure(code)).toMatchObject({ code: text, retryClass: 'later' });
  });
});

describe('toDeathReason', () => {
  it('says what to do, and which deaths are recoverable', () => {
    expect(toDeathReason('checkpoint', { code: 190, subcode: 490 })).toMatchObject({
      code: 'checkpoint',
      meta: { subcode: 490 },
    });
    expect(toDeathReason('expired', {})).not.toHaveProperty('meta');
    expect([isRecoverable('checkpoint'), isRecoverable('app_removed'), isRecoverable('expired')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
