import fc from 'fast-check';
import { readGraphError, toMetaCause } from '../../../src/meta/errors/graph-error.ts';
import { requireGraphId } from '../../../src/meta/graph/graph-id.ts';
import {
  asObject,
  field,
  type JsonObject,
  parseLossless,
  readId,
  readStringList,
} from '../../../src/meta/graph/lossless-json.ts';
import { longestRegainSeconds, readUsageHeaders } from '../../../src/meta/graph/usage-headers.ts';
import { readExpiry, readTokenExpiry } from '../../../src/meta/tokens/token-expiry.ts';
import { readRecorded } from './read-recorded.ts';

describe('lossless JSON', () => {
  it('keeps ids beyond 2^53', () => {
    const body = asObject(parseLossless('{"user_id":17841400000000001,"big":12345678901234567890123,"n":1,"f":1.5}'));
    expect(readId(body, 'user_id')).toBe('17841400000000001');
    expect(readId(body, 'big')).toBe('12345678901234567890123');
    expect(body).toMatchObject({ n: 1, f: 1.5 });
  });

  it('rejects non-JSON and reads own properties only', () => {
    for (const text of ['', 'NOT FOUND', 'Service Unavailable', '<html></html>', '{', '['.repeat(100_000)]) {
      expect(parseLossless(text)).toBeUndefined();
    }
    expect(field(asObject(parseLossless('{}')), 'constructor')).toBeUndefined();
    expect(field(asObject(parseLossless('{"__proto__":{"error":1}}')), 'error')).toBeUndefined();
    expect(parseLossless('{"a":1,"a":2}')).toEqual({ a: 2 });
  });

  it('agrees with JSON.parse for safe numbers', () => {
    const value = fc.jsonValue();
    fc.assert(
      fc.property(value, (json) => {
        const text = JSON.stringify(json);
        if (/\d{16}|e\+?\d/i.test(text)) return;
        expect(parseLossless(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('reads words from arrays and strings', () => {
    expect(readStringList({ p: 'a,b c' }, 'p')).toEqual(['a', 'b', 'c']);
    expect(readStringList({ p: ['a', 'b'] }, 'p')).toEqual(['a', 'b']);
    expect(readStringList({}, 'p')).toBeNull();
  });
});

describe('graph errors', () => {
  it('drops texts, even in the place of a type or trace', () => {
    const fields = readGraphError({
      error: { message: 'EAAB', type: 'EAAB token 1', code: '190', error_subcode: '463', fbtrace_id: 'x'.repeat(200) },
    });
    expect(toMetaCause(fields)).toEqual({ code: 190, subcode: 463 });
  });

  it('reads the former batch shape', () => {
    expect(readGraphError({ error_code: 190, error_description: 'x' })).toMatchObject({
      envelope: 'batch_legacy',
      code: 190,
    });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        readGraphError(parseLossless(JSON.stringify(json)));
        readGraphError({ error: parseLossless(JSON.stringify(json)) ?? null });
      }),
    );
  });
});

describe('token lifetime', () => {
  const now = new Date('2026-11-22T12:00:00Z');
  it.each<[JsonObject, Date | null | 'unknown']>([
    [{ expires_in: 5183944 }, new Date(now.getTime() + 5183944_000)],
    [{ expires_in: '3600' }, new Date(now.getTime() + 3_600_000)],
    [{ expires: '5183975' }, new Date(now.getTime() + 5183975_000)],
    [{ expires_at: 1735689600 }, new Date(1735689600_000)],
    [{ expires_at: 0 }, null],
    [{}, 'unknown'],
    [{ expires_in: 0 }, 'unknown'],
    [{ expires_in: -5 }, 'unknown'],
    [{ expires_in: 'soon' }, 'unknown'],
    [{ expires_in: null }, 'unknown'],
    [{ expires_in: 1e15 }, 'unknown'],
  ])('%j', (response, expected) => expect(readTokenExpiry(response, now)).toEqual(expected));

  it('reads instants of debug_token', () => {
    expect(readExpiry(0)).toBeNull();
    expect(readExpiry(undefined)).toBe('unknown');
    expect(readExpiry('1563217616')).toEqual(new Date(1563217616_000));
    expect(readExpiry(9e14)).toBe('unknown');
  });
});

describe('usage headers', () => {
  const cases = readRecorded<{ cases: { header: string; value: string }[] }>('rate_limit_headers.json').cases;
  it.each(cases)('$header $value', ({ header, value }) => {
    const name = header.split(' ')[0]?.toLowerCase() ?? '';
    const report = readUsageHeaders({ [name]: value });
    if (name === 'x-app-usage') expect(report.appUsagePercent).not.toBeNull();
    else expect(report.entries.length).toBeGreaterThan(0);
  });

  it('converts minutes to seconds and keeps waits of objects apart from general ones', () => {
    const report = readUsageHeaders({
      'x-app-usage': '{"call_count":28,"total_cputime":25,"total_time":31}',
      'x-business-use-case-usage':
        '{"17":[{"type":"pages","call_count":107,"estimated_time_to_regain_access":5},{"type":"whatsapp","call_count":1}]}',
      'x-ad-account-usage': '{"acc_id_util_pct":100,"reset_time_duration":100}',
    });
    expect(report).toEqual({
      appUsagePercent: 31,
      entries: [
        { objectId: null, type: 'ad_account', percent: 100, regainAccessSeconds: 100 },
        { objectId: '17', type: 'pages', percent: 107, regainAccessSeconds: 300 },
        { objectId: '17', type: 'whatsapp', percent: 1, regainAccessSeconds: 0 },
      ],
      retryAfterSeconds: null,
    });
    expect(longestRegainSeconds(report)).toBe(300);
    expect(readUsageHeaders({ 'retry-after': '30' }).retryAfterSeconds).toBe(30);
  });

  it('never throws', () => {
    const header = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(header, header, (a, b) => {
        readUsageHeaders({
          'x-app-usage': a,
          'x-business-use-case-usage': b,
          'x-ad-account-usage': a,
          'retry-after': b,
        });
      }),
    );
    expect(readUsageHeaders({ 'x-app-usage': 'nonsense' })).toEqual({
      appUsagePercent: null,
      entries: [],
      retryAfterSeconds: null,
    });
  });
});

it('accepts only ids in paths', () => {
  expect(requireGraphId('act_123')).toBe('act_123');
  for (const id of ['', '../me', 'a/b', '1?x', '%2e', 'x'.repeat(65)])
    expect(() => requireGraphId(id)).toThrow(RangeError);
});
