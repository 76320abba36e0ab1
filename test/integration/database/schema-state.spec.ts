import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { StartupError } from '../../../src/bootstrap/startup-error.ts';
import { Database } from '../../../src/database/database.ts';
import { judgeSchema } from '../../../src/database/schema-state.ts';
import { catchError } from '../../support/catch-error.ts';
import { captureLog, startTestReplica, TEST_ENVIRONMENT, type TestReplica } from '../../support/test-replica.ts';

const FUTURE = 'Future9999999999999';
const log = captureLog('warn');
let replica: TestReplica;

beforeAll(async () => {
  replica = await startTestReplica();
});
afterAll(() => replica?.close());

const run = (text: string): Promise<number> => replica.app.get(Database).run({ text });
const readiness = async () => request(replica.app.getHttpServer()).get('/health/ready');
const start = (environment: Record<string, string> = {}): Promise<TestReplica> =>
  startTestReplica({ databaseUrl: replica.databaseUrl, environment, overrides: { logger: log.logger } });

const addFutureMigration = () =>
  run(`INSERT INTO schema_migration (timestamp, name) VALUES (9999999999999, '${FUTURE}')`);
const removeFutureMigration = async () => {
  await run(`DELETE FROM schema_contract WHERE migration = '${FUTURE}'`);
  await run(`DELETE FROM schema_migration WHERE name = '${FUTURE}'`);
};

describe('a replica and the schema', () => {
  afterEach(removeFutureMigration);

  it('fit together if the schema is the same, or newer and not contracted', () => {
    expect(judgeSchema(['a', 'b'], new Set(['a', 'b']), [])).toEqual({ missing: [], newer: [], unmet: [] });
    expect(judgeSchema(['a'], new Set(['a', 'b']), ['a'])).toEqual({ missing: [], newer: ['b'], unmet: [] });
    expect(judgeSchema(['a', 'b'], new Set(['a', 'c']), ['b', 'c'])).toEqual({
      missing: ['b'],
      newer: ['c'],
      unmet: ['c'],
    });
  });

  it('of a newer release, an old one works and says so', async () => {
    await addFutureMigration();
    const { status, body } = await readiness();
    expect([status, body.details.migrations]).toEqual([200, { status: 'up', newer: [FUTURE] }]);
    await (await start()).close();
    expect(log.text()).toContain(`The schema is newer than this release: ${FUTURE} ran.`);
  });

  it('that asks for a newer release, an old one takes no requests and does not start', async () => {
    await addFutureMigration();
    await run(`INSERT INTO schema_contract (migration, needs) VALUES ('${FUTURE}', '${FUTURE}')`);
    const { status, body } = await readiness();
    expect([status, body.error.migrations]).toEqual([
      503,
      { status: 'down', message: 'this release is too old for the schema', needs: [FUTURE] },
    ]);
    const error = await catchError(StartupError, start());
    expect([error.code, error.message]).toEqual(['schema_too_new', expect.stringContaining(FUTURE)]);
    await removeFutureMigration();
    expect((await readiness()).status).toBe(200);
  });

  it('of an older release, a new one without MIGRATE_AT_START takes no requests and does not start', async () => {
    const last = (
      await replica.app.get(Database).rows<{ name: string; timestamp: string }>({
        text: 'DELETE FROM schema_migration WHERE timestamp = (SELECT max(timestamp) FROM schema_migration) RETURNING *',
      })
    )[0];
    const { status, body } = await readiness();
    expect([status, body.error.migrations]).toEqual([503, { status: 'down', missing: [last?.name] }]);
    const error = await catchError(StartupError, start({ ...TEST_ENVIRONMENT, MIGRATE_AT_START: 'false' }));
    expect([error.code, error.message]).toEqual(['migrations_missing', expect.stringContaining('metavault migrate')]);
    await run(`INSERT INTO schema_migration (timestamp, name) VALUES (${last?.timestamp}, '${last?.name}')`);
    await (await start({ MIGRATE_AT_START: 'false' })).close();
  });
});
