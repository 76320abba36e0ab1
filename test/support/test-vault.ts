import { Registry } from 'prom-client';
import type { Database } from '../../src/database/database.ts';
import { IntegrityFailures } from '../../src/database/integrity-failures.ts';
import { RowMacs } from '../../src/database/row-macs.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { Ids } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { KeyRing } from '../../src/vault/keys/key-ring.ts';
import { PayloadKeys } from '../../src/vault/payloads/payload-keys.ts';
import { PayloadVault } from '../../src/vault/payloads/payload-vault.ts';
import { LocalRootKey } from '../../src/vault/root-keys/local-root-key.ts';
import { Vault } from '../../src/vault/vault.ts';

export const TEST_ROOT_KEY = Buffer.alloc(32, 7).toString('base64');

export interface TestVault {
  ring: KeyRing;
  vault: Vault;
  payloads: PayloadVault;
  ids: Ids;
  random: SystemRandom;
  /** Reports to nobody. */
  integrity: IntegrityFailures;
  rowMacs: RowMacs;
}

/** A key ring and a vault on a test database, under a fixed root key. */
export async function openTestVault(database: Database, clock: Clock): Promise<TestVault> {
  const random = new SystemRandom();
  const ids = new Ids(clock, random);
  const source = { clock, ids, random };
  const ring = await KeyRing.open(database, new LocalRootKey(new SecretString(TEST_ROOT_KEY), random), null, source);
  const logger = createLogger('silent');
  const integrity = new IntegrityFailures(logger, new Registry());
  const rowMacs = new RowMacs(ring, integrity);
  const vault = new Vault(ring, source);
  const payloads = new PayloadVault(
    database,
    new PayloadKeys(vault, clock, ids, random, logger, { fieldOf: () => ({}) }),
    random,
  );
  return { ring, vault, payloads, ids, random, integrity, rowMacs };
}
