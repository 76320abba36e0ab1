import { describe, expect, it } from '@jest/globals';
import { parse } from 'lossless-json';
import { Webhook } from 'standardwebhooks';
import { EventVerificationError, EventVerifier } from '../../../../clients/typescript/src/index.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const NEW_SECRET = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const BODY = JSON.stringify({
  type: 'connection.expiring',
  timestamp: '2026-11-28T09:30:00.000Z',
  data: { connection_id: 'con_1', tenant: 'acme', days_left: 7 },
});

/** The headers of a delivery, as Node has them. */
function sign(body: string, secret = SECRET, ageSeconds = 0) {
  const at = new Date(Date.now() - ageSeconds * 1000);
  return {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign('evt_1', at, body),
  };
}

describe('an event', () => {
  it.each([
    ['a string and the headers of Node', BODY, sign(BODY)],
    ['bytes and the headers of fetch', Buffer.from(BODY), new Headers(sign(BODY))],
  ])('is read from %s, typed by its type', (_, body, headers) => {
    const event = new EventVerifier(SECRET).verify(body, headers);
    expect(event.id).toBe('evt_1');
    if (event.type !== 'connection.expiring') throw new Error(event.type);
    expect(event.data.days_left).toBe(7);
  });

  it('counts under each secret while one is rotated', () => {
    const verifier = new EventVerifier([NEW_SECRET, SECRET]);
    expect(verifier.verify(BODY, sign(BODY, SECRET)).id).toBe('evt_1');
    expect(verifier.verify(BODY, sign(BODY, NEW_SECRET)).id).toBe('evt_1');
  });

  it.each([
    ['another body', `${BODY} `, sign(BODY)],
    ['another secret', BODY, sign(BODY, NEW_SECRET)],
    ['no signature', BODY, {}],
    ['an old signature', BODY, sign(BODY, SECRET, 301)],
    ['a signature of the future', BODY, sign(BODY, SECRET, -302)],
  ])('is refused with %s', (_, body, headers) => {
    expect(() => new EventVerifier(SECRET).verify(body, headers)).toThrow(EventVerificationError);
  });

  it('keeps integers exact with a parser that does', () => {
    const body = '{"type":"meta.webhook","timestamp":"","data":{"entry":{"id":12345678901234567890}}}';
    const verifier = new EventVerifier(SECRET, { parse });
    expect(String((verifier.verify(body, sign(body)) as { data: { entry?: { id?: unknown } } }).data.entry?.id)).toBe(
      '12345678901234567890',
    );
  });
});

describe('a verifier', () => {
  it.each([
    ['nothing', []],
    ['an empty secret', ''],
    ['a secret that is none', 'whsec_!secret!'],
  ])('refuses %s', (_, secret) => {
    expect(() => new EventVerifier(secret)).toThrow(TypeError);
    expect(() => new EventVerifier(secret)).not.toThrow(/!secret!/);
  });
});
