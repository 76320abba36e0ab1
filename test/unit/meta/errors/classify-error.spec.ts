import fc from 'fast-check';
import {
  type CallContext,
  classifyError,
  classifyInvalidToken,
  type ErrorFacts,
} from '../../../../src/meta/errors/classify-error.ts';
import { readGraphError } from '../../../../src/meta/errors/graph-error.ts';
import { parseLossless } from '../../../../src/meta/graph/lossless-json.ts';
import { type RecordedCase, readRecorded } from '../read-recorded.ts';

/** `kind` or `kind:detail`. */
function verdict(facts: Partial<ErrorFacts>): string {
  const it = classifyError({ httpStatus: 400, ...facts });
  switch (it.kind) {
    case 'dead':
      return `dead:${it.reason}`;
    case 'configuration':
      return `configuration:${it.what}`;
    case 'code_rejected':
      return `code_rejected:${it.why}`;
    case 'throttled':
      return `throttled:${it.scope}`;
    default:
      return it.kind;
  }
}

const exchange = { context: 'code_exchange' as const };

describe('errors of code exchanges', () => {
  it.each<[string, Partial<ErrorFacts>, string]>([
    ['code used', { code: 100, subcode: 36009 }, 'code_rejected:used'],
    ['code expired', { code: 100, subcode: 36007 }, 'code_rejected:expired'],
    ['redirect differs', { code: 100, subcode: 36008 }, 'code_rejected:redirect_mismatch'],
    ['code garbage', { code: 100 }, 'code_rejected:malformed'],
    ['redirect absent or relative', { code: 191 }, 'configuration:redirect_uri'],
    ['client_id absent, app unknown, deleted', { code: 101 }, 'configuration:app'],
    ['secret wrong', { code: 1 }, 'configuration:secret'],
    ['an unknown error', { code: 1, httpStatus: 500 }, 'transient'],
    ['an unknown error that passes', { code: 1, isTransient: true }, 'transient'],
    ['API access blocked', { code: 200 }, 'configuration:app_blocked'],
    ['Instagram envelope', { code: 400, envelope: 'instagram' }, 'code_rejected:undisclosed'],
    ['Instagram envelope, 500', { code: 500, httpStatus: 500, envelope: 'instagram' }, 'transient'],
  ])('%s', (_, facts, expected) => expect(verdict({ ...exchange, ...facts })).toBe(expected));
});

describe('errors by code', () => {
  it.each<[number, Partial<ErrorFacts>, string]>([
    [0, { httpStatus: 401 }, 'suspect'],
    [0, { httpStatus: 503 }, 'transient'],
    [1, {}, 'transient'],
    [1, { subcode: 99, httpStatus: 500 }, 'transient'],
    [1, { subcode: 1965014, isTransient: false }, 'transient'],
    [2, {}, 'transient'],
    [3, {}, 'configuration:app'],
    [4, { httpStatus: 403 }, 'throttled:app'],
    [10, { httpStatus: 403 }, 'permission'],
    [12, {}, 'configuration:version'],
    [17, {}, 'throttled:user'],
    [17, { subcode: 2446079 }, 'throttled:business'],
    [32, {}, 'throttled:page'],
    [100, { subcode: 33, type: 'GraphMethodException', hasAppsecretProof: true }, 'parameter'],
    [100, {}, 'parameter'],
    [100, { type: 'GraphMethodException' }, 'parameter'],
    [100, { type: 'GraphMethodException', hasAppsecretProof: true }, 'configuration:proof'],
    [100, { context: 'token_exchange', host: 'instagram' }, 'configuration:secret'],
    [100, { context: 'token_refresh', host: 'instagram' }, 'parameter'],
    [101, {}, 'configuration:app'],
    [102, { subcode: 460 }, 'suspect'],
    [104, {}, 'suspect'],
    [191, {}, 'configuration:redirect_uri'],
    [200, { httpStatus: 403 }, 'permission'],
    [210, { httpStatus: 403 }, 'permission'],
    [299, {}, 'permission'],
    [341, {}, 'throttled:app'],
    [368, {}, 'blocked'],
    [450, {}, 'suspect'],
    [452, {}, 'suspect'],
    [506, {}, 'parameter'],
    [613, { subcode: 1996 }, 'throttled:object'],
    [803, { httpStatus: 404 }, 'parameter'],
    [2500, { type: 'OAuthException' }, 'suspect'],
    [2500, { type: 'IGApiException' }, 'parameter'],
    [2635, {}, 'configuration:version'],
    [3962, {}, 'permission'],
    [9004, { subcode: 2207052, isTransient: false }, 'transient'],
    ...[80000, 80001, 80002, 80003, 80004, 80005, 80006, 80007, 80008, 80009, 80014].map(
      (code): [number, Partial<ErrorFacts>, string] => [code, { subcode: 2446079 }, 'throttled:business'],
    ),
    [130429, { httpStatus: 500 }, 'throttled:phone_number'],
    [131056, {}, 'throttled:pair'],
    [131048, {}, 'throttled:phone_number'],
    [133016, {}, 'throttled:phone_number'],
    [131031, {}, 'blocked'],
    [131005, {}, 'permission'],
    [131042, {}, 'parameter'],
    [133010, {}, 'parameter'],
    [1609005, {}, 'parameter'],
    [2900, {}, 'parameter'],
    [987654, {}, 'parameter'],
    [987654, { httpStatus: 500 }, 'transient'],
    [987654, { isTransient: true }, 'transient'],
    [987654, { httpStatus: 429 }, 'throttled:app'],
    [987654, { httpStatus: 401 }, 'suspect'],
    [987654, { httpStatus: 403 }, 'permission'],
  ])('%i %j', (code, facts, expected) => expect(verdict({ code, ...facts })).toBe(expected));
});

describe('a subcode of 0', () => {
  it.each<[Partial<ErrorFacts>, string]>([
    [{ code: 190 }, 'suspect'],
    [{ code: 100, ...exchange }, 'code_rejected:malformed'],
    [{ code: 1, ...exchange }, 'configuration:secret'],
  ])('%j is ignored', (facts, expected) => expect(verdict({ ...facts, subcode: 0 })).toBe(expected));
});

describe('errors with code 190', () => {
  it.each([
    [458, 'dead:app_removed'],
    [459, 'dead:checkpoint'],
    [460, 'dead:password_changed'],
    [463, 'dead:expired'],
    [464, 'dead:unconfirmed_user'],
    [467, 'dead:logged_out'],
    [490, 'dead:checkpoint'],
    [492, 'dead:role_lost'],
    [493, 'dead:inactive_90_days'],
    [undefined, 'suspect'],
    [1, 'suspect'],
    [461, 'suspect'],
  ])('subcode %p', (subcode, expected) => {
    for (const httpStatus of [400, 401, 500]) {
      expect(verdict({ code: 190, subcode: subcode ?? null, httpStatus })).toBe(expected);
    }
  });

  it('is no verdict on the token if the call was about the app or client_business_id', () => {
    expect(verdict({ code: 190, subcode: 463, context: 'app_call' })).toBe('configuration:secret');
    expect(verdict({ code: 190, context: 'client_business' })).toBe('parameter');
  });
});

it('treats foreign responses as temporary', () => {
  expect(verdict({ httpStatus: null })).toBe('transient');
  for (const httpStatus of [200, 302, 400, 401, 403, 404, 502]) expect(verdict({ httpStatus })).toBe('transient');
  expect(verdict({ httpStatus: 429 })).toBe('throttled:app');
});

it('returns the wait that a throttle names', () => {
  expect(classifyError({ httpStatus: 400, code: 32, retryAfterSeconds: 300 })).toEqual({
    kind: 'throttled',
    scope: 'page',
    retryAfterSeconds: 300,
  });
});

it('accepts only errors about the token as dead by inspection', () => {
  expect(classifyInvalidToken(null)).toEqual({ kind: 'dead', reason: 'invalid' });
  expect(classifyInvalidToken({ kind: 'suspect' })).toEqual({ kind: 'dead', reason: 'invalid' });
  expect(classifyInvalidToken({ kind: 'dead', reason: 'logged_out' })).toEqual({ kind: 'dead', reason: 'logged_out' });
  expect(classifyInvalidToken({ kind: 'transient' })).toEqual({ kind: 'transient' });
});

it('declares tokens dead for confirmed codes only, whatever the input', () => {
  const confirmed = new Set([458, 459, 460, 463, 464, 467, 490, 492, 493]);
  const number = fc.option(fc.oneof(fc.integer(), fc.constantFrom(190, 100, 1, 4, 458, 463)));
  const context = fc.constantFrom<CallContext>('graph', 'app_call', 'code_exchange', 'token_exchange', 'token_refresh');
  fc.assert(
    fc.property(
      number,
      number,
      fc.option(fc.integer({ min: 100, max: 599 })),
      context,
      fc.option(fc.boolean()),
      (code, subcode, httpStatus, place, isTransient) => {
        const result = classifyError({ code, subcode, httpStatus, context: place, isTransient });
        if (result.kind !== 'dead') return;
        expect(code).toBe(190);
        expect(confirmed.has(subcode ?? 0)).toBe(true);
      },
    ),
  );
});

describe('recorded errors', () => {
  const reported = readRecorded<{ cases: RecordedCase[] }>('error_bodies_reported.json').cases;
  const fixtures = readRecorded<{ cases: RecordedCase[] }>('error_bodies_fixtures.json').cases;
  const classify = (body: unknown, status: number, context: CallContext): string => {
    const fields = readGraphError(parseLossless(JSON.stringify(body)));
    return verdict({ httpStatus: status, ...fields, context });
  };

  it('are all recognized as errors, and dead only with a confirmed subcode', () => {
    for (const { body, status } of [...reported, ...fixtures]) {
      const fields = readGraphError(parseLossless(JSON.stringify(body)));
      expect(fields).not.toBeNull();
      expect(fields?.code).not.toBeNull();
      const dead = classify(body, status ?? 400, 'graph').startsWith('dead:');
      const confirmed = [458, 459, 460, 463, 464, 467, 490, 492, 493].includes(fields?.subcode ?? 0);
      expect(dead).toBe(fields?.code === 190 && confirmed);
    }
  });

  it('get these verdicts, in order', () => {
    const verdicts = reported.map(({ body, status }) => classify(body, status ?? 400, 'code_exchange'));
    expect(verdicts.slice(0, 10)).toEqual([
      'code_rejected:used',
      'code_rejected:expired',
      'code_rejected:redirect_mismatch',
      'code_rejected:malformed',
      'configuration:redirect_uri',
      'configuration:redirect_uri',
      'configuration:app',
      'configuration:secret',
      'configuration:app',
      'configuration:app',
    ]);
    expect(verdicts.at(-1)).toBe('code_rejected:undisclosed');
    expect(reported.slice(22, 28).map(({ body, status }) => classify(body, status ?? 400, 'graph'))).toEqual([
      'throttled:app',
      'throttled:user',
      'throttled:page',
      'throttled:business',
      'throttled:business',
      'throttled:business',
    ]);
    expect(fixtures.map(({ body, status }) => classify(body, status ?? 400, 'graph'))).toEqual([
      'dead:password_changed',
      'dead:password_changed',
      'transient',
      'parameter',
      'parameter',
      'parameter',
      'configuration:redirect_uri',
      'suspect',
      'parameter',
      'parameter',
    ]);
  });

  it('the full recording of an expired token is dead', () => {
    const { raw_body, status } = readRecorded<{ raw_body: string; status: number }>(
      'expired_token_2015_betazoids.json',
    );
    const fields = readGraphError(parseLossless(raw_body));
    expect(fields).toMatchObject({ code: 190, subcode: 463, fbtraceId: 'DXzRWXB0O5d', type: 'OAuthException' });
    expect(verdict({ httpStatus: status, ...fields })).toBe('dead:expired');
  });
});
