import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { MetaConfig } from '../../../../src/config/config.ts';
import { LinkRewriter } from '../../../../src/gateway/response/link-rewriter.ts';
import { Scrubber } from '../../../../src/gateway/response/scrubber.ts';
import type { ResponseToken } from '../../../../src/leases/token-replacement.service.ts';

const TOKEN = `EAAB${'xY7'.repeat(60)}Z`;
const PAGE_TOKEN = `EAAP${'q9K'.repeat(50)}`;
const FOREIGN_TOKEN = `EAAF${'m3N'.repeat(50)}`;
const PROOF = 'ab12'.repeat(16);
const LEASE = 'mtl_lease';
const PAGE_LEASE = 'mtl_page_lease';
/** A Page whose credential we hold, whatever string Meta gives for it today. */
const HELD_PAGE = '4242';
const FRESH_LEASE = 'mtl_fresh_lease';

const links = new LinkRewriter(
  {
    graphUrl: 'https://graph.facebook.com',
    graphVideoUrl: 'https://graph-video.facebook.com',
    ruploadUrl: 'https://rupload.facebook.com',
    instagramGraphUrl: 'https://graph.instagram.com',
    threadsGraphUrl: 'https://graph.threads.net',
  } as MetaConfig,
  'http://gateway.test:3000',
);

const asked: ResponseToken[][] = [];
function newScrubber(): Scrubber {
  return new Scrubber(
    [
      { value: TOKEN, replacement: LEASE },
      { value: PROOF, replacement: '' },
    ],
    links,
    async (seen) => {
      asked.push(seen);
      return new Map(
        seen.flatMap(({ metaToken, objectId }) =>
          metaToken === PAGE_TOKEN
            ? [[metaToken, PAGE_LEASE]]
            : objectId === HELD_PAGE
              ? [[metaToken, FRESH_LEASE]]
              : [],
        ),
      );
    },
  );
}

async function scrub(text: string, cuts: number[] = []): Promise<string> {
  const scrubber = newScrubber();
  const bytes = Buffer.from(text, 'utf8');
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.min(cut, bytes.length);
    if (to > from) out.push(await scrubber.push(Buffer.from(bytes.subarray(from, to))));
    from = Math.max(from, to);
  }
  out.push(await scrubber.end(bytes.subarray(from)));
  return Buffer.concat(out).toString('utf8');
}

const spellings: Record<string, (text: string) => string> = {
  plain: (text) => text,
  'percent-encoded': (text) => [...text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join(''),
  'percent-encoded, upper case': (text) =>
    [...text].map((c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`).join(''),
  'percent-encoded twice': (text) => [...text].map((c) => `%25${c.charCodeAt(0).toString(16)}`).join(''),
  'JSON escapes': (text) => [...text].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join(''),
  'JSON escapes in a string of JSON': (text) => [...text].map((c) => `\\\\u00${c.charCodeAt(0).toString(16)}`).join(''),
  'percent signs as JSON escapes': (text) => [...text].map((c) => `\\u0025${c.charCodeAt(0).toString(16)}`).join(''),
  'HTML entities': (text) => [...text].map((c) => `&#${c.charCodeAt(0)};`).join(''),
  'HTML entities, hexadecimal': (text) => [...text].map((c) => `&#x${c.charCodeAt(0).toString(16)};`).join(''),
  'every other character encoded': (text) =>
    [...text].map((c, index) => (index % 2 === 0 ? c : `%${c.charCodeAt(0).toString(16)}`)).join(''),
};

describe('the token of the call', () => {
  it.each(Object.keys(spellings))('becomes the lease where it is written as: %s', async (name) => {
    const spelled = spellings[name]?.(TOKEN) ?? '';
    expect(await scrub(`{"message":"about ${spelled} and more"}`)).toBe(`{"message":"about ${LEASE} and more"}`);
  });

  it('leaves encoded text alone that is no token', async () => {
    const text = String.raw`{"text":"50%41 off \u0041\u0042 caf\u00e9 %2C &#38; \/ \"quoted\""}`;
    expect(await scrub(text)).toBe(text);
  });

  it('takes the proof out', async () => {
    expect(await scrub(`{"next":"https:\\/\\/graph.facebook.com\\/v26.0\\/me?appsecret_proof=${PROOF}&a=b"}`)).toBe(
      '{"next":"http:\\/\\/gateway.test:3000\\/graph\\/v26.0\\/me?appsecret_proof=&a=b"}',
    );
  });
});

describe('tokens that a response brings', () => {
  it('become leases where we hold them', async () => {
    expect(await scrub(`{"data":[{"access_token":"${PAGE_TOKEN}","id":"1"}]}`)).toBe(
      `{"data":[{"access_token":"${PAGE_LEASE}","id":"1"}]}`,
    );
  });

  it.each([
    ['the first member', `{"access_token":"${FOREIGN_TOKEN}","id":"1"}`, '{"id":"1"}'],
    ['the last member', `{"id":"1","access_token":"${FOREIGN_TOKEN}"}`, '{"id":"1"}'],
    ['a member in the middle', `{"a":1,"access_token":"x","b":2}`, '{"a":1,"b":2}'],
    ['the only member', `{"access_token":"whatever"}`, '{}'],
    ['two at the front', `{"access_token":"x","page_access_token":"y","b":2}`, '{"b":2}'],
    ['two at the end', `{"a":1,"access_token":"x","page_access_token":"y"}`, '{"a":1}'],
    ['all members', `{"access_token":"x","page_access_token":"y"}`, '{}'],
    ['a pretty-printed member', `{\n   "access_token": "x",\n   "id": "1"\n}`, `{\n   \n   "id": "1"\n}`],
    [
      'one in a string of JSON',
      String.raw`{"body":"{\"access_token\":\"x\",\"id\":\"1\"}"}`,
      String.raw`{"body":"{\"id\":\"1\"}"}`,
    ],
    [
      'one in a string of JSON in one',
      String.raw`{\\\"a\\\":1,\\\"access_token\\\":\\\"x\\\"}`,
      String.raw`{\\\"a\\\":1}`,
    ],
    ['one with an escaped name', String.raw`{"access\u005ftoken":"x","id":"1"}`, '{"id":"1"}'],
  ])('go where we do not: %s', async (_, text, expected) => {
    expect(await scrub(text)).toBe(expected);
    for (let cut = 1; cut < text.length; cut++) expect(await scrub(text, [cut])).toBe(expected);
  });

  it.each([
    ['ahead of the id', (t: string) => `{"data":[{"access_token":"${t}","a":{"id":"7"},"id":"4242"},{"id":"1"}]}`],
    ['behind the id', (t: string) => `{"data":[{"id":"4242","a":[{"id":"7"}],"access_token":"${t}"}]}`],
    ['far from the id', (t: string) => `{"id":"4242","a":"${'x,'.repeat(6_000)}","access_token":"${t}"}`],
    ['long before the id', (t: string) => `{"access_token":"${t}","a":"${'x,'.repeat(6_000)}","id":"4242"}`],
    ['in a batch', (t: string) => JSON.stringify([{ code: 200, body: `{"access_token":"${t}","id":"4242"}` }])],
  ])('that are new are known by their Page: %s', async (_, write) => {
    const text = write(FOREIGN_TOKEN);
    const expected = write(FRESH_LEASE);
    expect(await scrub(text)).toBe(expected);
    for (let cut = 1; cut < Math.min(text.length, 400); cut++) expect(await scrub(text, [cut])).toBe(expected);
    for (const size of [7, 100].filter((one) => text.length / one < 200)) {
      expect(
        await scrub(
          text,
          Array.from({ length: text.length / size }, (_each, index) => (index + 1) * size),
        ),
      ).toBe(expected);
    }
  });

  it('that are new go where their Page is not held, or their object never ends', async () => {
    expect(await scrub(`{"access_token":"${FOREIGN_TOKEN}","id":"4243"}`)).toBe('{"id":"4243"}');
    expect(await scrub(`{"a":{"id":"4242"},"access_token":"${FOREIGN_TOKEN}"}`)).toBe('{"a":{"id":"4242"}}');
    const endless = `{"access_token":"${FOREIGN_TOKEN}","a":"${'x,'.repeat(40_000)}`;
    for (const cuts of [[], Array.from({ length: 30 }, (_, index) => index * 2_000)]) {
      expect(await scrub(endless, cuts)).toBe(endless.replace(/"access_token":"\w+",/, ''));
    }
  });

  it('are asked for once each', async () => {
    asked.length = 0;
    const text = `[{"access_token":"${FOREIGN_TOKEN}","name":"a","id":"4242"},{"access_token":"${PAGE_TOKEN}","id":"1"}]`;
    await scrub(
      text,
      Array.from({ length: text.length }, (_, index) => index + 1),
    );
    expect(asked.flat()).toEqual([
      { metaToken: FOREIGN_TOKEN, objectId: HELD_PAGE },
      { metaToken: PAGE_TOKEN, objectId: '1' },
    ]);
  });

  it('go by their form, where nothing names them', async () => {
    expect(await scrub(`{"note":"see ${FOREIGN_TOKEN}!"}`)).toBe('{"note":"see removed!"}');
    expect(await scrub(`{"u":"https:\\/\\/x.test?t%3D${FOREIGN_TOKEN}"}`)).toBe(
      '{"u":"https:\\/\\/x.test?t%3Dremoved"}',
    );
  });

  it('go from parameters', async () => {
    expect(await scrub('{"next":"https:\\/\\/x.test\\/?access_token=abc123\\u0026limit=2"}')).toBe(
      '{"next":"https:\\/\\/x.test\\/?access_token=removed\\u0026limit=2"}',
    );
    expect(await scrub('{"u":"https://x.test?r=a%3Faccess_token%3Dabc%26b%3Dc"}')).toBe(
      '{"u":"https://x.test?r=a%3Faccess_token%3Dremoved%26b%3Dc"}',
    );
  });

  it('stay what they are where they are leases, empty or null', async () => {
    const text =
      '{"a":{"access_token":"mtl_x"},"b":{"access_token":""},"c":{"access_token":null},"d":"my access_token"}';
    expect(await scrub(text)).toBe(text);
  });
});

describe('links', () => {
  it.each([
    [
      'plain',
      '{"next":"https://graph.facebook.com/v26.0/1?a=b"}',
      '{"next":"http://gateway.test:3000/graph/v26.0/1?a=b"}',
    ],
    [
      'escaped',
      String.raw`{"next":"https:\/\/graph.facebook.com\/v26.0"}`,
      String.raw`{"next":"http:\/\/gateway.test:3000\/graph\/v26.0"}`,
    ],
    [
      'escaped twice',
      String.raw`{"body":"{\"next\":\"https:\\\/\\\/graph.instagram.com\\\/v26.0\"}"}`,
      String.raw`{"body":"{\"next\":\"http:\\\/\\\/gateway.test:3000\\\/graph\\\/v26.0\"}"}`,
    ],
    ...['graph.threads.net', 'graph.threads.com'].map((host) => [
      host,
      `{"next":"https:\\/\\/${host}\\/v1.0\\/1?access_token=${TOKEN}"}`,
      `{"next":"http:\\/\\/gateway.test:3000\\/graph\\/v1.0\\/1?access_token=${LEASE}"}`,
    ]),
    ['upload', '{"uri":"https://rupload.facebook.com/x"}', '{"uri":"http://gateway.test:3000/rupload/x"}'],
    [
      'media',
      '{"url":"https://lookaside.fbsbx.com/a/?mid=1"}',
      '{"url":"http://gateway.test:3000/graph/lookaside.fbsbx.com/a/?mid=1"}',
    ],
  ])('of Meta become ours: %s', async (_, text, expected) => {
    expect(await scrub(text)).toBe(expected);
  });

  it.each([
    '{"next":"https://graph.facebook.com.evil.test/v26.0"}',
    '{"next":"https://graph.facebook.com:444/v26.0"}',
    '{"next":"https://graph.facebook.com@evil.test/v26.0"}',
    '{"text":"see https://graph.facebook.com/docs"}',
    '{"link":"https://www.facebook.com/v26.0"}',
  ])('of others stay: %s', async (text) => {
    expect(await scrub(text)).toBe(text);
  });
});

describe('pieces', () => {
  const filler = fc.constantFrom(
    '{"id":"1"}',
    ',',
    '"name":"caf\\u00e9"',
    'x'.repeat(300),
    '%2C',
    '\\/',
    '&',
    'EAA',
    '[',
    'access_token',
    '{',
  );
  const secret = fc.constantFrom(
    ...Object.values(spellings).map((spell) => spell(TOKEN)),
    `"access_token":"${PAGE_TOKEN}"`,
    `"access_token":"${FOREIGN_TOKEN}"`,
    `{"access_token":"${FOREIGN_TOKEN}#","name":"x","id":"4242"}`,
    `{"id":"4242","access_token":"${FOREIGN_TOKEN}#"}`,
    `{"access_token":"${FOREIGN_TOKEN}","a":1}`,
    `"next":"https:\\/\\/graph.facebook.com\\/v26.0\\/me?access_token=${TOKEN}&after=x"`,
  );
  const document = fc
    .array(fc.oneof(filler, secret), { maxLength: 12 })
    // Makes each token different: what is known about one must not help with the next.
    .map((parts) => parts.map((part, index) => part.replace('#', String(index))).join(''));

  it('give the same output however the response was cut, and no token', async () => {
    await fc.assert(
      fc.asyncProperty(document, fc.array(fc.nat(6_000), { maxLength: 10 }), async (text, cuts) => {
        const whole = await scrub(text);
        expect(await scrub(text, cuts)).toBe(whole);
        expect(whole).not.toContain(TOKEN.slice(0, 30));
        expect(whole).not.toContain(FOREIGN_TOKEN.slice(0, 30));
        for (const spell of Object.values(spellings)) expect(whole).not.toContain(spell(TOKEN).slice(0, 60));
      }),
      { numRuns: 300 },
    );
  });

  it('gives a text of ordinary JSON back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.array(fc.nat(500), { maxLength: 5 }), async (text, cuts) => {
        expect(await scrub(text, cuts)).toBe(text);
      }),
    );
  });

  it('holds back no more than a token can be long', () => {
    const scrubber = newScrubber();
    const passed = scrubber.push(Buffer.alloc(100_000, 'x')) as Buffer;
    expect(passed.length).toBeGreaterThan(90_000);
  });
});
