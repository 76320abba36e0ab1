import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PROTECTED_LEASES } from '../../../src/leases/protected-leases.repository.ts';
import { connect } from '../../support/connections-harness.ts';
import { LEASE_REQUEST, type LeasesTestContext, openLeasesTestContext } from '../../support/leases-test-context.ts';

let context: LeasesTestContext;
beforeAll(async () => {
  context = await openLeasesTestContext();
});
afterAll(() => context?.close());

it('counts the MACs of active leases', async () => {
  await connect(context.connections, context.clock);
  const client = await context.client();
  const issue = async () => (await context.issue.issue(client, LEASE_REQUEST, 'r')).lease_id;
  const count = () => PROTECTED_LEASES.countMacs(context.database, context.clock.now());
  const [, withoutMac] = [await issue(), await issue()];
  expect(await count()).toBe(2);
  await context.database.run({ text: 'UPDATE lease SET mac = NULL WHERE id = $1', values: [withoutMac] });
  expect(await count()).toBe(1);
  context.clock.advance(3_601);
  expect(await count()).toBe(0);
});
