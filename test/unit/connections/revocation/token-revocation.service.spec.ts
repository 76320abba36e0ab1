import { describe, expect, it } from '@jest/globals';
import type { AuditLog } from '../../../../src/audit/audit-log.ts';
import type { ConnectionLeases } from '../../../../src/connections/connection-leases.ts';
import type { ClaimedTokenRevocation } from '../../../../src/connections/revocation/token-revocation.repository.ts';
import { TokenRevocationService } from '../../../../src/connections/revocation/token-revocation.service.ts';
import type { Database } from '../../../../src/database/database.ts';
import type { Confirmation } from '../../../../src/database/standby/standby-confirmation.ts';
import { addSeconds } from '../../../../src/platform/clock.ts';
import type { Ids } from '../../../../src/platform/ids.ts';
import type { Vault } from '../../../../src/vault/vault.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

function obstacleWith(durability: Confirmation['durability'], isStandbyExpected: boolean, ageSeconds = 0) {
  const clock = new FakeClock();
  const confirmation = { durability, isStandbyExpected };
  const database = { rows: async () => [], standby: { confirm: async () => ({ confirmation }) } };
  const service = new TokenRevocationService(
    database as unknown as Database,
    {} as Vault,
    {} as AuditLog,
    {} as ConnectionLeases,
    clock,
    {} as Ids,
  );
  const createdAt = addSeconds(clock.now(), -ageSeconds);
  const revocation = { createdAt, waitsForLeases: false, tokenHash: Buffer.alloc(32) } as ClaimedTokenRevocation;
  return service.findObstacle(revocation);
}

describe('the token that a rotation replaced', () => {
  it('is not revoked before a standby has the new one, for an hour at most', async () => {
    expect(await obstacleWith('primary', true)).toMatchObject({ kind: 'unconfirmed' });
    expect(await obstacleWith('primary', true, 3_599)).toMatchObject({ kind: 'unconfirmed' });
    expect(await obstacleWith('primary', true, 3_600)).toBeNull();
  });

  it('is revoked at once where a standby has it, or there is none', async () => {
    expect(await obstacleWith('standby', true)).toBeNull();
    expect(await obstacleWith('primary', false)).toBeNull();
  });
});
