import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CredentialClaimRepository } from '../../../src/connections/credentials/credential-claim.repository.ts';
import type { Database } from '../../../src/database/database.ts';
import type { Statement } from '../../../src/database/statement.ts';
import { Ids } from '../../../src/platform/ids.ts';
import { SystemRandom } from '../../../src/platform/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OpenDatabase, openFreshDatabase } from '../../support/fresh-database.ts';

let opened: OpenDatabase;

beforeAll(async () => {
  opened = await openFreshDatabase();
});
afterAll(() => opened?.close());

it('reads what ends first in the order of an index: a million that are due are not sorted for five', async () => {
  const clock = new FakeClock();
  const asked: Statement[] = [];
  const listening = {
    rows: async (statement: Statement): Promise<[]> => {
      asked.push(statement);
      return [];
    },
  } as unknown as Database;
  const claims = new CredentialClaimRepository(listening, clock, new Ids(clock, new SystemRandom()));
  await claims.claimExpiring('1', 1, 60, clock.now());
  const [{ text = '', values = [] } = {}] = asked;
  const plan = await opened.database.transaction(async (tx) => {
    // An empty table would be read whole and sorted, whatever indexes there are.
    await tx.run({ text: 'SET LOCAL enable_seqscan = off' });
    await tx.run({ text: 'SET LOCAL enable_bitmapscan = off' });
    await tx.run({ text: 'SET LOCAL enable_sort = off' });
    return tx.rows<{ 'QUERY PLAN': string }>({ text: `EXPLAIN ${text}`, values });
  });
  const due =
    plan
      .map((row) => row['QUERY PLAN'])
      .join('\n')
      .split('CTE claimed')[0] ?? '';
  expect(due).toContain('credential_ending');
  expect(due.split('CTE due')[1]).not.toMatch(/Sort/);
});
