import v8 from 'node:v8';
import vm from 'node:vm';
import { expect, it } from '@jest/globals';
import { Database } from '../../../src/database/database.ts';
import { startTestReplica } from '../../support/test-replica.ts';
import { until } from '../../support/until.ts';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

/** In a function of its own, because a variable of the test would keep the replica alive. */
async function startAndClose(): Promise<WeakRef<Database>> {
  const replica = await startTestReplica();
  const database = new WeakRef(replica.app.get(Database));
  collectGarbage();
  expect(database.deref()).toBeDefined();
  await replica.close();
  return database;
}

it('frees the memory of a closed replica: nothing that outlives it refers to it', async () => {
  const database = await startAndClose();
  await until(() => {
    collectGarbage();
    return database.deref() === undefined;
  });
});
