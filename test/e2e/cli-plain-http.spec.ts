import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Listener, listen } from '../support/http-listener.ts';
import { runMetavault } from '../support/run-metavault.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

const TOKEN = 'EAAsomebodystoken';
let directory: string;
let service: Listener;
let keyFile: string;
let tokens: string;
const heard: { url: string; key: string }[] = [];

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'plain-http-'));
  keyFile = path.join(directory, 'key');
  tokens = path.join(directory, 'tokens.csv');
  writeFileSync(keyFile, TEST_ADMIN_KEY);
  writeFileSync(tokens, `tenant,product,access_token\nacme,pages,${TOKEN}\n`);
  service = await listen((request, response) => {
    heard.push({ url: request.url ?? '', key: request.headers.authorization ?? '' });
    response.setHeader('content-type', 'application/json');
    response.statusCode = request.url?.endsWith('import') === true ? 201 : 200;
    response.end('{"id":"con_1","claimed":0,"refreshed":0,"failed":0,"skipped":0,"duration_seconds":0}');
  });
});
beforeEach(() => {
  heard.length = 0;
});
afterAll(async () => {
  await service.close();
  rmSync(directory, { recursive: true });
});

/** From the start, so that no row counts as imported by another test. */
const importing = () => ['import', tokens, '--done-file', path.join(mkdtempSync(path.join(directory, 'run-')), 'done')];

/** Also reaches this machine, but is not recognizable as local, like any other host name. */
const elsewhere = () => `http://0.0.0.0:${service.port}`;

describe('a service with a plain-http address', () => {
  it.each([['import'], ['refresh']])('is sent nothing by %s where it may be another machine', async (command) => {
    const args = command === 'import' ? importing() : [command];
    const end = await runMetavault({}, ...args, '--url', elsewhere());
    expect(end).toMatchObject({ code: 2, err: expect.stringMatching(/https:\/\/.*127\.0\.0\.1/s) });
    expect(heard).toEqual([]);
    expect(end.err + end.out).not.toContain(TEST_ADMIN_KEY);
  });

  it.each([
    ['with a key file', (): [Record<string, string>, string[]] => [{}, ['--key-file', keyFile]]],
    ['without a Meta app', (): [Record<string, string>, string[]] => [{ META_APP_ID: '', META_APP_SECRET: '' }, []]],
  ])('is sent nothing if PUBLIC_URL names it, %s', async (_, given) => {
    const [environment, options] = given();
    const end = await runMetavault({ ...environment, PUBLIC_URL: elsewhere() }, 'refresh', ...options);
    expect(end).toMatchObject({ code: 2, err: expect.stringContaining('PUBLIC_URL') });
    expect(heard).toEqual([]);
  });

  it.each(['127.0.0.1', 'localhost'])('is asked where it is this machine: %s', async (host) => {
    expect(await runMetavault({}, ...importing(), '--url', `http://${host}:${service.port}/`)).toMatchObject({
      code: 0,
    });
    expect(heard).toEqual([
      { url: '/health/live', key: `Bearer ${TEST_ADMIN_KEY}` },
      { url: '/v1/connections/import', key: `Bearer ${TEST_ADMIN_KEY}` },
    ]);
  });

  it.each([
    'ftp://vault.example.com',
    'localhost:3000',
    'https://user:word@vault.example.com',
    'https://vault.example.com?x=1',
    'https://vault.example.com#x',
  ])('is rejected as an address: %s', async (url) => {
    const end = await runMetavault({}, 'refresh', '--url', url);
    expect(end.code).toBe(2);
    expect(end.err).not.toContain('word');
  });
});
