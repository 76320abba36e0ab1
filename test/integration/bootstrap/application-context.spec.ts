import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { type ApplicationContext, openApplicationContext } from '../../../src/bootstrap/application-context.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { Database } from '../../../src/database/database.ts';
import { type FreshDatabase, freshDatabase } from '../../support/fresh-database.ts';
import { TEST_ENVIRONMENT } from '../../support/test-replica.ts';

let fresh: FreshDatabase;
let context: ApplicationContext;
beforeAll(async () => {
  fresh = await freshDatabase();
  const environment = { ...TEST_ENVIRONMENT, REFRESH_CRON: '* * * * *', HEALTH_CRON: '* * * * *' };
  context = await openApplicationContext(loadConfig(environment), fresh.url);
});
afterAll(async () => {
  await context?.close();
  await fresh?.drop();
});

describe('the application context of the command line', () => {
  it('makes no admin client, though BOOTSTRAP_ADMIN_KEY is set', async () => {
    expect(await context.app.get(Database).rows({ text: 'SELECT id FROM client' })).toEqual([]);
  });

  it('schedules nothing by REFRESH_CRON and HEALTH_CRON', () => {
    const crons = [...context.app.get(SchedulerRegistry).getCronJobs().keys()];
    expect(crons.filter((name) => /refresh|health/.test(name))).toEqual([]);
  });
});
