import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { VerificationRequests } from '../../../src/connections/connection/verification-requests.ts';
import { CredentialClaimRepository } from '../../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomeService } from '../../../src/connections/credentials/credential-outcome.service.ts';
import type { ClaimedCredential } from '../../../src/connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../../src/connections/credentials/credential-version.service.ts';
import { addSeconds } from '../../../src/platform/clock.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { DAY, type LifecycleTestContext, openLifecycleTestContext } from '../../support/lifecycle-test-context.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
beforeEach(() => context.sandbox.state.log.clear());
afterAll(() => context?.close());

/** A credential whose inspection or refresh is just being requested from Meta. */
async function claimRoot(): Promise<{ connectionId: `con_${string}`; claimed: ClaimedCredential }> {
  const { id: connectionId } = await context.importConnection({ expiresIn: 50 * DAY });
  const root = await context.root(connectionId);
  context.clock.advance(DAY);
  const claimed = await context.replica.app.get(CredentialClaimRepository).claimOne(root.id, 60);
  if (claimed === null) throw new Error('not claimed');
  return { connectionId, claimed };
}

const ends = {
  inspection: (claimed: ClaimedCredential) =>
    context.replica.app.get(CredentialOutcomeService).recordCheck(claimed, { health: 'healthy' }),
  refresh: async (claimed: ClaimedCredential) => {
    const expiresAt = addSeconds(context.clock.now(), 60 * DAY);
    const versions = context.replica.app.get(CredentialVersionService);
    await versions.storePending(claimed, new SecretString(`EAAnext${claimed.id}`), { expiresAt, scopes: null });
    await versions.promote(claimed, { scopes: claimed.scopes, lostScopes: [], issuedAt: null, expiresAt });
  },
} as const;

describe.each(['inspection', 'refresh'] as const)('a successful %s', (work) => {
  it('does not settle a verification request that arrives while Meta is being asked', async () => {
    const { connectionId, claimed } = await claimRoot();
    context.clock.advance(1);
    await context.replica.app.get(VerificationRequests).requestVerification(context.database, [connectionId]);
    await ends[work](claimed);
    expect((await context.root(connectionId)).health).toBe('unknown');
    const [due, ...others] = await context.replica.app
      .get(CredentialClaimRepository)
      .claimDueInspections(claimed.appId, 50, 60, true);
    expect([due?.id, others]).toEqual([claimed.id, []]);
    if (due !== undefined) await ends.inspection(due);
    expect((await context.root(connectionId)).health).toBe('healthy');
  });

  it('settles the request it was made for', async () => {
    const { connectionId, claimed } = await claimRoot();
    await ends[work](claimed);
    expect((await context.root(connectionId)).health).toBe('healthy');
    context.clock.advance(DAY / 2);
    expect(
      await context.replica.app.get(CredentialClaimRepository).claimDueInspections(claimed.appId, 50, 60, true),
    ).toEqual([]);
  });
});
