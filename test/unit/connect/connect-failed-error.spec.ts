import { describe, expect, it } from '@jest/globals';
import {
  ConnectFailedError,
  classifyRedirectUriError,
  toConnectFailedError,
} from '../../../src/connect/connect-failed-error.ts';
import { ClaimLostError } from '../../../src/connections/claim-lost-error.ts';
import type { DeadReason, MetaVerdict } from '../../../src/meta/errors/classify-error.ts';
import { MetaError } from '../../../src/meta/errors/meta-error.ts';

const failed = (verdict: MetaVerdict) =>
  new MetaError({ verdict, cause: { code: 1 }, httpStatus: 400, operation: 'test', mayHaveCommitted: false });
const reported = (verdict: MetaVerdict, refused: 'code_rejected' | 'token_rejected') => {
  const failure = toConnectFailedError(failed(verdict), refused);
  if (!(failure instanceof ConnectFailedError)) throw new Error('no ConnectFailedError');
  return [failure.reason, failure.isFinal];
};

describe('toConnectFailedError', () => {
  it.each<[MetaVerdict, string, boolean]>([
    [{ kind: 'transient' }, 'meta_unavailable', false],
    [{ kind: 'throttled', scope: 'app', retryAfterSeconds: 7 }, 'meta_unavailable', false],
    [{ kind: 'configuration', what: 'secret' }, 'meta_configuration', false],
    [{ kind: 'suspect' }, 'meta_unavailable', false],
    [{ kind: 'dead', reason: 'expired' }, 'token_rejected', true],
    [{ kind: 'permission' }, 'token_rejected', true],
    [{ kind: 'blocked' }, 'token_rejected', true],
  ])('with a token: %j is %s', (verdict, reason, isFinal) => {
    expect(reported(verdict, 'token_rejected')).toEqual([reason, isFinal]);
  });

  it('with a code: any refusal of the code is final', () => {
    for (const verdict of [
      { kind: 'suspect' },
      { kind: 'code_rejected', why: 'used' },
      { kind: 'parameter' },
    ] as const) {
      expect(reported(verdict, 'code_rejected')).toEqual(['code_rejected', true]);
    }
  });

  it('says what to do about a locked account; other dead tokens need a new login', () => {
    const message = (reason: DeadReason) => {
      const { detail, remedy } = toConnectFailedError(
        failed({ kind: 'dead', reason }),
        'token_rejected',
      ) as ConnectFailedError;
      return [detail, remedy].join(' ');
    };
    expect(message('checkpoint')).toMatch(/locked this account .* Log in at facebook\.com/);
    expect(message('unconfirmed_user')).toBe(message('checkpoint'));
    expect(message('expired')).not.toContain('facebook.com');
  });

  it('returns other errors unchanged', () => {
    for (const error of [
      new Error('bug'),
      new ClaimLostError('x'),
      new ConnectFailedError('access_denied', { isFinal: true }),
    ]) {
      expect(toConnectFailedError(error, 'token_rejected')).toBe(error);
    }
  });

  it('blames a client for its redirect_uri, but not for other settings', () => {
    expect(classifyRedirectUriError(failed({ kind: 'configuration', what: 'redirect_uri' }))).toMatchObject({
      reason: 'code_rejected',
    });
    const secret = failed({ kind: 'configuration', what: 'secret' });
    expect(classifyRedirectUriError(secret)).toBe(secret);
  });

  it("becomes a problem with Meta's cause and the retry time", () => {
    const failure = toConnectFailedError(
      failed({ kind: 'throttled', scope: 'app', retryAfterSeconds: 7 }),
      'token_rejected',
    );
    const problem = failure as ConnectFailedError;
    expect([problem.type.status, problem.occurrence.retryAfterSeconds, problem.occurrence.meta]).toEqual([
      503,
      7,
      { code: 1 },
    ]);
  });
});
