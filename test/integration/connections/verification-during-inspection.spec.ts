import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionDoubts } from '../../../src/connections/connection/verification-requests.ts';
import { CredentialClaims } from '../../../src/connections/credentials/credential-claim.repository.ts';
import { CredentialOutcomes } from '../../../src/connections/credentials/credential-outcome.repository.ts';
import type { ClaimedCredential } from '../../../src/connections/credentials/credential-snapshot.ts';
import { CredentialVersions } from '../../../src/connections/credentials/credential-version.repository.ts';
import { addSeconds } from '../../../src/platform/clock.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { DAY, type LifecycleStage, lifecycleStage } from '../../support/lifecycle-test-context.ts';

let stage: LifecycleStage;

beforeAll(async () => {
  stage = await lifecycleStage();
});
beforeEach(() => stage.sandbox.state.log.clear());
afterAll(() => stage?.close());

/** A credential whose inspection or renewal has just been asked of Meta. */
async function atWork(): Promise<{ connectionId: string; claimed: ClaimedCredential }> {
  const { id: connectionId } = await stage.imported({ expiresIn: 50 * DAY });
  const root = await stage.root(connectionId);
  stage.clock.advance(DAY);
  const claimed = await stage.replica.app.get(CredentialClaims).claimOne(root.id, 60);
  if (claimed === null) throw new Error('not claimed');
  return { connectionId, claimed };
}

const ends = {
  inspection: (claimed: ClaimedCredential) =>
    stage.replica.app.get(CredentialOutcomes).checked(claimed, { health: 'healthy' }),
  renewal: async (claimed: ClaimedCredential) => {
    const expiresAt = addSeconds(stage.clock.now(), 60 * DAY);
    const versions = stage.replica.app.get(CredentialVersions);
    await versions.storePending(claimed, new SecretString(`EAAnext${claimed.id}`), { expiresAt, scopes: null });
    await versions.promote(claimed, { scopes: claimed.scopes, lostScopes: [], issuedAt: null, expiresAt });
  },
} as const;

describe.each(['inspection', 'renewal'] as const)('an %s that ends well', (work) => {
  it('settles no doubt that came while Meta was being asked', async () => {
    const { connectionId, claimed } = await atWork();
    stage.clock.advance(1);
    await stage.replica.app.get(ConnectionDoubts).raise(stage.database, [connectionId]);
    await ends[work](claimed);
    expect((await stage.root(connectionId)).health).toBe('unknown');
    const [due, ...others] = await stage.replica.app.get(CredentialClaims).claimChecks(claimed.appId, 50, 60, true);
    expect([due?.id, others]).toEqual([claimed.id, []]);
    if (due !== undefined) await ends.inspection(due);
    expect((await stage.root(connectionId)).health).toBe('healthy');
  });

  it('settles what it was about', async () => {
    const { connectionId, claimed } = await atWork();
    await ends[work](claimed);
    expect((await stage.root(connectionId)).health).toBe('healthy');
    stage.clock.advance(DAY / 2);
    expect(await stage.replica.app.get(CredentialClaims).claimChecks(claimed.appId, 50, 60, true)).toEqual([]);
  });
});
