import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildReplica, startChildReplica } from '../support/child-replica.ts';
import { type CliTestContext, openCliTestContext } from '../support/cli-test-context.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { freePort } from '../support/http-listener.ts';
import { runMetavault, startMetavault } from '../support/run-metavault.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

let context: CliTestContext;

beforeAll(async () => {
  context = await openCliTestContext();
});
afterAll(() => context?.close());

const userToken = (): string => context.createUserToken();

interface Report {
  imported: number;
  already_in: number;
  failed: number;
  left: number;
  data: { line: number; tenant: string | null; connection_id: string | null; code: string | null }[];
}

async function importing(
  file: string,
  ...options: string[]
): Promise<{ code: number | null; report: Report; err: string }> {
  const { code, out, err } = await context.run('import', file, '--json', ...options);
  return { code, err, report: JSON.parse(out) as Report };
}

/** How many connections a tenant has, and how often its tokens were imported. */
async function standing(tenant: string): Promise<{ connections: number; completed: number }> {
  const { rows } = await context.sql.query(
    `SELECT (SELECT count(*)::integer FROM connection WHERE tenant = $1) AS connections,
      (SELECT count(*)::integer FROM audit_entry WHERE tenant = $1 AND action = 'connect.completed') AS completed`,
    [tenant],
  );
  return rows[0];
}

describe('metavault import', () => {
  it('reads CSV from a spreadsheet, lists lines that failed, and imports the rest; a second run sends no token again', async () => {
    const [dead, twice] = [userToken(), userToken()];
    context.sandbox.state.invalidateToken(dead, 460);
    const appId = context.sandbox.environment()['THREADS_APP_ID'] ?? '';
    const foreign = context.sandbox.state.make.token({
      userId: context.sandbox.state.make.user({}).id,
      appId,
    }).accessToken;
    const file = context.file(
      'rows.csv',
      [
        '\ufeffnote,access_token,product,tenant',
        `"a ""note"", with a comma\r\nand a line end",${userToken()},pages,csv`,
        `,${dead},pages,csv`,
        `,${foreign},pages,csv`,
        `,${twice},pages,csv`,
        '',
        `,${twice},pages,csv`,
        `,one,cell,too,many`,
        `,${userToken()},mail,csv`,
        `,${userToken()},pages,not a tenant`,
        `,"${userToken()}",ads,csv`,
      ].join('\r\n'),
    );
    const { code, report, err } = await importing(file);
    expect({ code, ...report, data: undefined }).toEqual({ code: 1, imported: 3, already_in: 1, failed: 5, left: 0 });
    const codes = report.data.map(({ line, code: word }) => [line, word]);
    expect(codes).toEqual([
      [2, null],
      [4, 'token_rejected'],
      [5, 'token_rejected'],
      [6, null],
      [9, 'invalid_row'],
      [10, 'invalid_request'],
      [11, 'invalid_request'],
      [12, null],
    ]);
    expect(err).toContain('5 rows were not imported');
    for (const text of [JSON.stringify(report), readFileSync(`${file}.done`, 'utf8')])
      expect(text).not.toContain('EAA');
    const calls = context.sandbox.state.log.list().length;
    const again = await importing(file);
    expect(again.report).toMatchObject({ imported: 0, already_in: 4, failed: 5 });
    // Of the five, only the dead token and the foreign one reach Meta.
    expect(context.sandbox.state.log.list().length - calls).toBeLessThanOrEqual(4);
    expect(await standing('csv')).toEqual({ connections: 3, completed: 3 });
  });

  it('reads JSON lines from standard input', async () => {
    const lines = [userToken(), userToken()].map((token) =>
      JSON.stringify({ tenant: 'lines', product: 'pages', access_token: token }),
    );
    const { ended } = startMetavault(context.environment, ['import', '-'], `${lines.join('\n')}\n{"tenant":"lines"\n`);
    const end = await ended;
    expect(end).toMatchObject({ code: 1, out: expect.stringContaining('2 imported, 0 already imported, 1 failed.') });
    expect(end.out).toMatch(/^3 +invalid_row +The line is not a JSON object\.$/m);
  });

  it.each(['SIGKILL', 'SIGINT'] as const)(
    'interrupted by %s and run again, imports each row as one connection',
    async (signal) => {
      const tenant = `killed-${signal}`;
      const rows = Array.from({ length: 16 }, () => `${tenant},pages,${userToken()}`);
      const file = context.file(`${tenant}.csv`, ['tenant,product,access_token', ...rows].join('\n'));
      context.sandbox.state.setLatency(150);
      const { child, ended } = startMetavault(context.environment, ['import', file]);
      while ((await standing(tenant)).connections < 4) await sleep(50);
      child.kill(signal);
      const end = await ended;
      context.sandbox.state.setLatency(0);
      expect(end.code).toBe(signal === 'SIGINT' ? 130 : null);
      if (signal === 'SIGINT') expect(end.err).toMatch(/Stopped with \d+ rows left/);
      expect((await standing(tenant)).connections).toBeLessThan(rows.length);
      const { code, report } = await importing(file);
      expect({ code, failed: report.failed, left: report.left }).toEqual({ code: 0, failed: 0, left: 0 });
      expect(report.already_in).toBeGreaterThan(0);
      expect(report.imported + report.already_in).toBe(rows.length);
      expect((await standing(tenant)).connections).toBe(rows.length);
      expect((await importing(file)).report).toMatchObject({ imported: 0, already_in: rows.length });
      expect((await standing(tenant)).connections).toBe(rows.length);
    },
  );

  it('keeps a progress file that works for one vault only', async () => {
    const elsewhere = await freshDatabase();
    try {
      const file = context.file('twice.csv', `tenant,product,access_token\nmarked,pages,${userToken()}`);
      expect((await importing(file)).report).toMatchObject({ imported: 1, already_in: 0 });
      const there = { ...context.environment, DATABASE_URL: elsewhere.url };
      expect(await runMetavault(there, 'import', file)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^1 imported/),
      });
    } finally {
      await elsewhere.drop();
    }
  });
});

describe('metavault import --url', () => {
  let replica: ChildReplica;
  let port: string;

  beforeAll(async () => {
    port = String(await freePort());
    replica = await startChildReplica({ ...context.environment, PORT: port });
  });
  afterAll(() => replica?.kill());

  it('continues when the service comes back', async () => {
    const rows = Array.from({ length: 12 }, () => `remote,pages,${userToken()}`);
    const file = context.file('remote.csv', ['tenant,product,access_token', ...rows].join('\n'));
    const keyFile = context.file('key', `${TEST_ADMIN_KEY}\n`);
    context.sandbox.state.setLatency(100);
    const run = importing(file, '--url', replica.url, '--key-file', keyFile);
    while ((await standing('remote')).connections < 3) await sleep(50);
    await replica.kill();
    replica = await startChildReplica({ ...context.environment, PORT: port });
    const { code, report } = await run;
    context.sandbox.state.setLatency(0);
    expect({ code, imported: report.imported, failed: report.failed }).toEqual({
      code: 0,
      imported: rows.length,
      failed: 0,
    });
    expect((await standing('remote')).connections).toBe(rows.length);
  });

  it('names the service that does not respond or refuses', async () => {
    const file = context.file('one.csv', `tenant,product,access_token\nrefused,pages,${userToken()}`);
    const wrong = context.file('wrong-key', 'no-key-of-anybody-0123456789abcdef');
    const run = (...words: string[]) => context.run('import', file, ...words);
    expect(await run('--url', `http://127.0.0.1:${await freePort()}`)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/does not respond at/),
    });
    expect(await run('--url', replica.url, '--key-file', wrong)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/refuses the admin key/),
    });
    expect(await run('--url', 'nowhere')).toMatchObject({ code: 2 });
    expect((await standing('refused')).connections).toBe(0);
  });
});
