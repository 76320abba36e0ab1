import net from 'node:net';
import zlib from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LEASE, META_TOKEN, startTestGateway, type TestGateway } from '../../support/test-gateway.ts';

let gateway: TestGateway;
const HELD = `EAAH${'b7Rq'.repeat(45)}`;
const NOT_HELD = `EAAN${'c9Sw'.repeat(45)}`;
const INSTAGRAM = `IGAA${'d1Tv'.repeat(45)}`;
const THREADS = `THAA${'e3Uz'.repeat(45)}`;
const TOKENS = [META_TOKEN, HELD, NOT_HELD, INSTAGRAM, THREADS];

beforeAll(async () => {
  gateway = await startTestGateway();
  gateway.issued.set(HELD, 'mtl_held');
  gateway.issuedForPages.set('4242', 'mtl_fresh');
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.seen.length = 0;
});

const hex = (code: number): string => code.toString(16).padStart(2, '0');
const each = (text: string, write: (code: number) => string): string =>
  [...text].map((character) => write(character.charCodeAt(0))).join('');
/** Ways to write a token inside a JSON string. */
const SPELLINGS: Record<string, (token: string) => string> = {
  plain: (token) => token,
  'URL-encoded': (token) => each(token, (code) => `%${hex(code)}`),
  'URL-encoded, upper case': (token) => each(token, (code) => `%${hex(code).toUpperCase()}`),
  'URL-encoded twice': (token) => each(token, (code) => `%25${hex(code)}`),
  'URL-encoded three times': (token) => each(token, (code) => `%2525${hex(code)}`),
  'JSON-escaped': (token) => each(token, (code) => `\\u00${hex(code)}`),
  'JSON-escaped, upper case': (token) => each(token, (code) => `\\u00${hex(code).toUpperCase()}`),
  'in JSON in JSON': (token) => JSON.stringify(JSON.stringify({ access_token: token })).slice(1, -1),
  'in JSON in JSON in JSON': (token) =>
    JSON.stringify(JSON.stringify(JSON.stringify({ access_token: token })))
      .slice(1, -1)
      .replaceAll('/', '\\/'),
  'as a parameter': (token) => `https:\\/\\/example.com\\/?x=1&access_token=${token}&y=2`,
  'as a parameter of a parameter': (token) =>
    `https:\\/\\/example.com\\/?u=${encodeURIComponent(`/?access_token=${token}`)}`,
  'in half-encoded letters': (token) =>
    each(token, (code) => (code % 2 === 0 ? `%${hex(code)}` : String.fromCharCode(code))),
  'in words': (token) => `Error validating ${token}: it is not good`,
  'between quotes': (token) => `the token \\"${token}\\" is bad`,
};
/** Places that a string can have in a response. */
const PLACES: Record<string, (text: string) => string> = {
  'a message': (text) => `{"error":{"message":"${text}","type":"OAuthException","code":100}}`,
  'a member': (text) => `{"id":"1","token":"${text}","name":"n"}`,
  'a list': (text) => `{"data":[{"id":"1"},{"x":["${text}"]}]}`,
  'the whole response': (text) => `"${text}"`,
  'a name': (text) => `{"${text}":1}`,
  'a batch': (text) =>
    `[{"code":200,"headers":[{"name":"Link","value":"<${text}>"}],"body":"${text.replaceAll(/[\\"]/g, '\\$&')}"}]`,
};
const CODINGS: Record<string, (text: Buffer) => Buffer> = {
  identity: (text) => text,
  gzip: zlib.gzipSync,
  br: zlib.brotliCompressSync,
  deflate: zlib.deflateSync,
};

/** The text as every reader may read it: each spelling undone, repeatedly. */
function readings(text: string): string[] {
  const all = [text];
  let current = text;
  for (let layer = 0; layer < 5; layer++) {
    current = current
      .replaceAll(/\\+u00([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
      .replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
      .replaceAll(/\\(?=["\\/])/g, '');
    all.push(current);
  }
  return all;
}

function expectClean(text: string, hint: string): void {
  for (const reading of readings(text)) {
    for (const token of TOKENS) {
      for (const part of [token.slice(0, 24), token.slice(60, 84), token.slice(-24)]) {
        if (reading.includes(part)) throw new Error(`a token of Meta shows (${hint}): ${text.slice(0, 2_000)}`);
      }
    }
  }
}

/** All that came on the wire, chunks put together, head and trailers included. */
async function wire(path = '/graph/me', method = 'GET'): Promise<string> {
  const socket = net.connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${LEASE}\r\nAccept-Encoding: gzip, br\r\nTE: trailers\r\nConnection: close\r\n\r\n`,
  );
  await new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject));
  const [head = '', ...rest] = Buffer.concat(pieces).toString('latin1').split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const isChunked = /transfer-encoding: chunked/i.test(head);
  return `${head}\r\n\r\n${isChunked ? body.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '') : body}`;
}

interface Delivery {
  coding: string;
  /** Bytes of each chunk; 0 for one response with a length. */
  chunk: number;
  status: number;
  type: string;
}

function deliver(text: string, { coding, chunk, status, type }: Delivery): void {
  gateway.respond((_request, response) => {
    const bytes = CODINGS[coding]?.(Buffer.from(text)) ?? Buffer.alloc(0);
    const headers = { 'content-type': type, ...(coding === 'identity' ? {} : { 'content-encoding': coding }) };
    if (chunk === 0) return void response.writeHead(status, { ...headers, 'content-length': bytes.length }).end(bytes);
    response.writeHead(status, headers);
    response.socket?.setNoDelay(true);
    let at = 0;
    const next = (): void => {
      if (response.destroyed) return;
      if (at >= bytes.length) return void response.end();
      response.write(bytes.subarray(at, at + chunk));
      at += chunk;
      setImmediate(next);
    };
    next();
  });
}

describe('no token of Meta comes back', () => {
  it.each(Object.keys(SPELLINGS))('in any place, by any way: %s', async (spelling) => {
    for (const [place, put] of Object.entries(PLACES)) {
      for (const token of TOKENS) {
        const text = put(SPELLINGS[spelling]?.(token) ?? '');
        deliver(text, { coding: 'identity', chunk: 0, status: 200, type: 'application/json' });
        expectClean(await wire(), `${token.slice(0, 4)} in ${place}`);
      }
    }
  });

  it('however the response is cut, coded, called and filled', async () => {
    const filler = fc.constantFrom(
      '',
      '{"a":1}',
      '"x":"y",',
      'é',
      '\\u00e9',
      '%20',
      '\\/',
      '&amp;',
      'x'.repeat(70_000),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...TOKENS),
        fc.constantFrom(...Object.keys(SPELLINGS)),
        fc.constantFrom(...Object.keys(PLACES)),
        fc.record({
          coding: fc.constantFrom(...Object.keys(CODINGS)),
          chunk: fc.constantFrom(0, 1_000, 17, 4_096),
          status: fc.constantFrom(200, 201, 400, 401, 403, 500, 503),
          type: fc.constantFrom(
            'application/json',
            'text/javascript; charset=UTF-8',
            'text/plain',
            'application/octet-stream',
            'image/png',
            '',
          ),
        }),
        filler,
        filler,
        async (token, spelling, place, delivery, before, after) => {
          deliver(before + (PLACES[place]?.(SPELLINGS[spelling]?.(token) ?? '') ?? '') + after, delivery);
          expectClean(await wire(), JSON.stringify({ spelling, place, delivery }));
        },
      ),
      { numRuns: 120 },
    );
  });

  it.each([1, 2, 3])('byte by byte: chunks of %i', async (chunk) => {
    const page = `{"data":[{"access_token":"${NOT_HELD}","id":"4242"},{"access_token":"${HELD}","id":"1"}],"paging":{"next":"${gateway.metaUrl.replaceAll('/', '\\/')}\\/graph.facebook.com\\/v26.0\\/1?access_token=${META_TOKEN}"}}`;
    deliver(page, { coding: 'identity', chunk, status: 200, type: 'application/json' });
    const response = await wire();
    expectClean(response, 'pieces');
    expect(JSON.parse(response.slice(response.indexOf('{"data')))).toEqual({
      data: [
        { access_token: 'mtl_fresh', id: '4242' },
        { access_token: 'mtl_held', id: '1' },
      ],
      paging: { next: `${gateway.config.publicUrl}/graph/v26.0/1?access_token=${LEASE}` },
    });
  });

  it('in headers, those that pass and those that do not, and in trailers', async () => {
    for (const token of TOKENS) {
      const link = `<https://graph.facebook.com/v26.0/1?access_token=${token}>; rel="next"`;
      gateway.respond((_request, response) => {
        response.writeHead(200, {
          'content-type': `application/json; x="${token}"`,
          link,
          refresh: `0; url=https://x.test/?access_token=${token}`,
          'www-authenticate': `OAuth "Facebook Platform" "invalid_token" "bad ${token}"`,
          etag: `"${token}"`,
          'content-location': `/?access_token=${encodeURIComponent(token)}`,
          'content-disposition': `attachment; filename="${token}"`,
          'set-cookie': [`a=${token}`, `b=${token}`],
          'x-fb-debug': token,
          'x-app-usage': `{"access_token":"${token}"}`,
          trailer: 'x-token',
        });
        response.write('{"a":1}');
        response.addTrailers({ 'x-token': token });
        response.end();
      });
      expectClean(await wire(), 'headers');
    }
  });

  it('in redirects', async () => {
    for (const token of TOKENS) {
      for (const base of [
        `${gateway.metaUrl}/graph.facebook.com`,
        'https://scontent.xx.fbcdn.net',
        'https://evil.test',
      ]) {
        for (const tail of [
          `/x?access_token=${token}`,
          `/${token}`,
          `/x?u=${encodeURIComponent(`?access_token=${token}`)}`,
        ]) {
          gateway.respond((_request, response) =>
            response.writeHead(302, { location: base + tail }).end(`see ${token}`),
          );
          expectClean(await wire(), 'redirect');
        }
      }
    }
  });

  it('in a charset that hides it', async () => {
    for (const charset of ['utf-16', 'UTF-16LE', 'utf-7', 'ibm037']) {
      const bytes = Buffer.from(JSON.stringify({ a: META_TOKEN }), 'utf16le');
      const type = `application/json; charset=${charset}`;
      gateway.respond((_request, response) => response.writeHead(200, { 'content-type': type }).end(bytes));
      expect(await wire()).toMatch(/^HTTP\/1.1 502 /);
    }
    deliver('{"ok":1}', { coding: 'identity', chunk: 0, status: 200, type: 'application/json; charset="utf-8"' });
    expect(await wire()).toContain('{"ok":1}');
  });

  it('in a response of an unknown protocol step, or of none', async () => {
    gateway.respond((_request, response) => {
      response.writeEarlyHints({ link: `</x?access_token=${META_TOKEN}>; rel=preload` });
      response.writeHead(200, `fine ${META_TOKEN}`, { 'content-type': 'application/json' }).end('{}');
    });
    const response = await wire();
    expectClean(response, 'status text');
    expect(response).toMatch(/^HTTP\/1.1 200 OK/);
    gateway.respond((request) => request.socket.end(`HTTP/1.1 200 ${META_TOKEN}\r\nX: ${META_TOKEN}\r\n${META_TOKEN}`));
    expectClean(await wire('/graph/me/feed', 'POST'), 'no HTTP');
  });
});
