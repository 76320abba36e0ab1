import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { StartupError } from '../../src/bootstrap/startup-error.ts';
import { Database } from '../../src/database/database.ts';
import { catchError } from '../support/catch-error.ts';
import { type ConnectTestContext, openConnectTestContext } from '../support/connect-test-context.ts';
import { type FreshDatabase, freshDatabase } from '../support/fresh-database.ts';
import { doMainJob } from '../support/main-job.ts';
import { KEEPS_PREPARED, PGBOUNCER_VERSION, startPgBouncer } from '../support/pgbouncer.ts';
import { startTestReplica } from '../support/test-replica.ts';

const isInstalled = PGBOUNCER_VERSION !== null;
const describePgBouncer = isInstalled ? describe : describe.skip;
const version = isInstalled ? PGBOUNCER_VERSION : '[skipped: pgbouncer is not installed]';

describePgBouncer(`behind PgBouncer ${version}`, () => {
  const opened: { close(): Promise<unknown> }[] = [];
  let database: FreshDatabase;

  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close();
  });

  async function poolerUrl(settings: Record<string, string>): Promise<string> {
    database = await freshDatabase();
    opened.push({ close: database.drop });
    const pooler = await startPgBouncer(database.url, settings);
    opened.push(pooler);
    return pooler.url;
  }

  async function open(
    url: string,
    environment: Record<string, string> = {},
    options: { databasePatience?: number } = {},
  ): Promise<ConnectTestContext> {
    const settings = { ...environment, DATABASE_URL: url };
    const testContext = await openConnectTestContext({ ...options, environment: settings, databaseUrl: url });
    opened.push(testContext);
    return testContext;
  }

  /** The error that a start ends with. */
  const refusalOf = (url: string, environment: Record<string, string> = {}): Promise<StartupError> =>
    catchError(
      StartupError,
      startTestReplica({ environment: { ...environment, DATABASE_URL: url }, databaseUrl: url }),
    );

  it('in session mode, the service does everything that it is for', async () => {
    const testContext = await open(await poolerUrl({ pool_mode: 'session' }));
    await doMainJob(testContext);
    expect(testContext.log.text()).not.toContain('pooler');
  });

  it('in transaction mode without prepared statements, it does everything with a direct URL', async () => {
    // Newer ones keep them unless told otherwise; older ones don't know the setting.
    const off = KEEPS_PREPARED ? { max_prepared_statements: '0' } : {};
    const url = await poolerUrl({ pool_mode: 'transaction', ...off });
    const testContext = await open(url, { DATABASE_DIRECT_URL: database.url });
    await doMainJob(testContext);
    expect(testContext.log.text()).toContain('keeps no prepared statements');
  });

  const itPrepares = KEEPS_PREPARED ? it : it.skip;
  const why = KEEPS_PREPARED ? '' : ` [skipped: PgBouncer ${PGBOUNCER_VERSION} is older than 1.21]`;
  itPrepares(`in transaction mode with max_prepared_statements, statements stay prepared${why}`, async () => {
    const url = await poolerUrl({ pool_mode: 'transaction', max_prepared_statements: '200' });
    const testContext = await open(url, { DATABASE_DIRECT_URL: database.url });
    await doMainJob(testContext);
    expect(testContext.log.text()).not.toContain('pooler');
  });

  it('in transaction mode, limits hold for our transactions and for nobody else', async () => {
    const url = await poolerUrl({ pool_mode: 'transaction', default_pool_size: '2' });
    const { replica } = await open(url, { DATABASE_DIRECT_URL: database.url }, { databasePatience: 1 });
    const vault = replica.app.get(Database);
    const readLimit = { text: 'SHOW statement_timeout' };
    expect(await vault.rows(readLimit)).toEqual([{ statement_timeout: '1500ms' }]);
    expect(await vault.failFast.rows(readLimit)).toEqual([{ statement_timeout: '750ms' }]);
    expect(await vault.transaction((tx) => tx.rows(readLimit))).toEqual([{ statement_timeout: '1500ms' }]);
    expect(await vault.longRunning.rows(readLimit)).toEqual([{ statement_timeout: '15s' }]);
    // Another client of the pooler, on sessions that we have used.
    const stranger = new pg.Client({ connectionString: url });
    await stranger.connect();
    opened.push({ close: () => stranger.end() });
    for (let turn = 0; turn < 4; turn++) {
      expect((await stranger.query(readLimit)).rows).toEqual([{ statement_timeout: '0' }]);
      expect((await stranger.query('SHOW idle_in_transaction_session_timeout')).rows).toEqual([
        { idle_in_transaction_session_timeout: '0' },
      ]);
    }
  });

  it('in transaction mode without a direct URL, it says so and does not start', async () => {
    const url = await poolerUrl({ pool_mode: 'transaction' });
    const { code, detail, remedy } = await refusalOf(url);
    expect(code).toBe('database_pooler_unfit');
    expect(detail).toMatch(/^DATABASE_URL: the pooler at 127\.0\.0\.1:\d+\/\w+ lends a session for each transaction/);
    expect(remedy).toContain('DATABASE_DIRECT_URL');
    const { detail: other } = await refusalOf(url, { DATABASE_DIRECT_URL: url });
    expect(other).toMatch(/^DATABASE_DIRECT_URL: the pooler at/);
  });

  it('in statement mode, it says so and does not start', async () => {
    const { code, detail } = await refusalOf(await poolerUrl({ pool_mode: 'statement' }));
    expect(code).toBe('database_pooler_unfit');
    expect(detail).toContain('allows no transactions');
  });

  it('with a startup parameter that it refuses, it says so and does not start', async () => {
    const url = await poolerUrl({ pool_mode: 'session' });
    const { code, remedy } = await refusalOf(`${url}?options=-c%20search_path%3Dpublic`);
    expect(code).toBe('database_pooler_unfit');
    expect(remedy).toContain('Remove options');
  });
});
