import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { listProblemTypes } from '../../../../src/platform/problem.ts';
import { startTestReplica, type TestReplica } from '../../../support/test-replica.ts';

const SOURCE = path.resolve(import.meta.dirname, '../../../../src');
let replica: TestReplica;
beforeAll(async () => {
  replica = await startTestReplica();
});
afterAll(() => replica?.close());

const get = (code: string, accept: string) =>
  request(replica.app.getHttpServer()).get(`/problems/${code}`).set('Accept', accept);

/** What a pattern's first group matches in the files of some modules. */
function found(folders: string[], pattern: RegExp): Set<string> {
  const codes = new Set<string>();
  for (const folder of folders) {
    for (const name of readdirSync(path.join(SOURCE, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const text = readFileSync(path.join(SOURCE, folder, name), 'utf8');
      for (const [, code] of text.matchAll(pattern)) if (code !== undefined) codes.add(code);
    }
  }
  return codes;
}

const WORKING_FOLDERS = ['connect', 'connections', 'lifecycle', 'webhooks'];

describe('every value that a response of ours can hold in `code` has its page', () => {
  it('which is so for all problems that are defined anywhere', async () => {
    const inSource = found(['.'], /defineProblem\(\s*'([a-z0-9_]+)'/g);
    const known = new Set<string>(listProblemTypes().map(({ code }) => code));
    expect(inSource.size).toBeGreaterThan(30);
    expect([...inSource].filter((code) => !known.has(code))).toEqual([]);
    for (const { code, status, title, remedy } of listProblemTypes()) {
      const page = await get(code, 'text/html');
      expect([code, page.status, page.type]).toEqual([code, 200, 'text/html']);
      expect(page.text).toContain(code);
      expect((await get(code, 'application/json')).body).toEqual({
        type: `/problems/${code}`,
        code,
        status,
        title,
        remedy,
      });
      expect(remedy).toMatch(/^.{10,}\.$/s);
    }
  });

  it.each([
    ['reasons and failures that are written as objects', WORKING_FOLDERS, /\bcode: '([a-z0-9_]+)'/g],
    ['failures of the lifecycle', ['lifecycle'], /\bfail(?:Later|Soon)\(\s*'([a-z0-9_]+)'/g],
    ['responses to refreshes that do not count', ['lifecycle'], /^ {2}\| '(renewal_[a-z_]+)'/gm],
    [
      'deaths',
      ['meta'],
      /^ {2}\| '(app_removed|checkpoint|[a-z]+_changed|expired|[a-z]+_user|logged_out|role_lost|inactive_90_days|invalid)'/gm,
    ],
    ['constants', ['connections'], /export const (?:PHONE_NUMBER_NOT_REGISTERED|SCOPES_MISSING) = '([a-z_]+)'/g],
    ["the gateway's refusals", ['gateway'], /^ {2}\| '([a-z_]+)';?$/gm],
  ])('also %s', async (_, folders, pattern) => {
    const codes = found(folders, pattern);
    expect(codes.size).toBeGreaterThan(1);
    const without: string[] = [];
    for (const code of codes) {
      const { status, body } = await get(code, 'application/json');
      if (status !== 200 || body.code !== code || typeof body.remedy !== 'string') without.push(code);
    }
    expect(without).toEqual([]);
  });

  it('and is listed', async () => {
    const list = await request(replica.app.getHttpServer()).get('/problems').set('Accept', 'application/json');
    const codes = (list.body.data as { code: string }[]).map(({ code }) => code);
    expect(codes).toEqual(
      expect.arrayContaining(['reauth_required', 'scopes_missing', 'renewal_invalid', 'lease_invalid']),
    );
    expect(new Set(codes).size).toBe(codes.length);
    const html = await request(replica.app.getHttpServer()).get('/problems').set('Accept', 'text/html');
    expect(html.text).toContain('href="/problems/scopes_missing"');
  });
});
