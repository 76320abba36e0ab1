import { describe, expect, it } from '@jest/globals';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { verifyHandshake } from '../../../src/webhooks/verify-handshake.ts';
import { readRecorded } from '../meta/read-recorded.ts';

describe('the handshake', () => {
  const token = new SecretString('meatyhamhock');
  const asked = (query: Record<string, unknown>) =>
    verifyHandshake(
      { 'hub.mode': 'subscribe', 'hub.verify_token': 'meatyhamhock', 'hub.challenge': '1158201444', ...query },
      token,
    );

  it('answers as in the recorded samples', () => {
    const { cases } = readRecorded<{ cases: { request: string; expect: { status: number; body?: string } }[] }>(
      'webhook_verification_samples.json',
    );
    for (const sample of cases) {
      const query = Object.fromEntries(new URL(sample.request.slice(4), 'http://localhost').searchParams);
      const own = new SecretString(
        sample.request.includes('%7C') ? 'myverificationtoken|1f54545d5f722733e17faae15377928f' : 'meatyhamhock',
      );
      expect(verifyHandshake(query, own)).toBe(sample.expect.body ?? null);
    }
  });

  it('refuses wrong or missing tokens, other modes, and everything if no token is set', () => {
    expect(asked({})).toBe('1158201444');
    expect(asked({ 'hub.verify_token': 'meatyhamhoc' })).toBeNull();
    expect(asked({ 'hub.verify_token': undefined })).toBeNull();
    expect(asked({ 'hub.verify_token': ['meatyhamhock'] })).toBeNull();
    expect(asked({ 'hub.mode': 'unsubscribe' })).toBeNull();
    expect(verifyHandshake({ 'hub.mode': 'subscribe', 'hub.verify_token': '', 'hub.challenge': '1' }, null)).toBeNull();
  });

  it('never echoes anything a browser could run', () => {
    expect(asked({ 'hub.challenge': '<script>alert(1)</script>' })).toBeNull();
    expect(asked({ 'hub.challenge': '' })).toBeNull();
    expect(asked({ 'hub.challenge': '1'.repeat(257) })).toBeNull();
  });
});
