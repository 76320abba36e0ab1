import type { ConnectSession } from '../../../../src/connect/connect-session.ts';
import { type SessionActivity, sessionStatus } from '../../../../src/connect/sessions/session-status.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
const BEFORE = new Date('2026-11-28T11:50:00Z');
const LATER = new Date('2026-11-28T12:10:00Z');
const NOTHING: SessionActivity = { newestAttempt: null, lastError: null, isPending: false };
const attempt = (change: Partial<NonNullable<SessionActivity['newestAttempt']>>) => ({
  newestAttempt: { expiresAt: LATER, consumedAt: null, error: null, ...change },
});

function statusOf(session: Partial<ConnectSession>, activity: Partial<SessionActivity> = {}) {
  const whole = { connectionId: null, unfinished: null, expiresAt: LATER, ...session } as ConnectSession;
  return sessionStatus(whole, { ...NOTHING, ...activity }, { now: NOW, claimSeconds: 60 });
}

describe('the status of a session', () => {
  it('is open while its link lives or a browser is in the dialog', () => {
    const expired = { expiresAt: BEFORE };
    expect(statusOf({}).status).toBe('open');
    expect(statusOf(expired, attempt({})).status).toBe('open');
    expect(statusOf(expired, attempt({ consumedAt: new Date('2026-11-28T11:59:30Z') })).status).toBe('open');
    expect(statusOf(expired, { isPending: true }).status).toBe('open');
  });

  it('is expired if nobody comes back', () => {
    for (const activity of [{}, attempt({ expiresAt: BEFORE }), attempt({ consumedAt: BEFORE })])
      expect(statusOf({ expiresAt: BEFORE }, activity)).toEqual({ status: 'expired', error: null });
  });

  it('is failed if the last browser failed', () => {
    const failed = { status: 'failed', error: 'access_denied' };
    expect(statusOf({}, attempt({ consumedAt: NOW, error: 'access_denied' }))).toEqual(failed);
    expect(statusOf({}, { ...attempt({}), lastError: 'access_denied' }).status).toBe('open');
    expect(statusOf({ expiresAt: BEFORE }, { ...attempt({ expiresAt: BEFORE }), lastError: 'access_denied' })).toEqual(
      failed,
    );
  });

  it('is unfinished or connected, whatever its browsers did', () => {
    const unfinished = { waba_id: '1', business_id: null, at: '', remedy: '' };
    const denied = attempt({ consumedAt: NOW, error: 'access_denied' });
    expect(statusOf({ unfinished, expiresAt: BEFORE }, denied).status).toBe('unfinished');
    expect(statusOf({ unfinished, connectionId: 'con_1' }, denied)).toEqual({ status: 'connected', error: null });
  });
});
