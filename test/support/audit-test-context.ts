import { SYSTEM } from '../../src/audit/actor.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';
import { AuditedObjects } from '../../src/audit/audited-objects.ts';
import { AuditChain } from '../../src/audit/chain/audit-chain.ts';
import { ChainVerifier, type FirstChainFault } from '../../src/audit/chain/chain-verifier.ts';
import type { Database } from '../../src/database/database.ts';
import type { Ids } from '../../src/platform/ids.ts';
import type { KeyRing } from '../../src/vault/keys/key-ring.ts';
import { FakeClock } from './fake-clock.ts';
import { openFreshDatabase } from './fresh-database.ts';
import { openResources } from './open-resources.ts';
import { openTestVault } from './test-vault.ts';

/** The audit module on a database of its own, put together by hand. */
export interface AuditTestContext {
  database: Database;
  url: string;
  clock: FakeClock;
  ring: KeyRing;
  ids: Ids;
  log: AuditLog;
  chain: AuditChain;
  verifier: ChainVerifier;
  sql(text: string, values?: unknown[]): Promise<number>;
  /** Records `count` entries, and lets `secondsApart` seconds pass after each. */
  record(count: number, secondsApart?: number): Promise<void>;
  /** Records ten entries, ten minutes apart, and links them. Returns their ids. */
  recordTenLinked(): Promise<string[]>;
  linkedIds(): Promise<string[]>;
  /** Where a verification finds the chain broken, if it does. */
  findFault(): Promise<FirstChainFault | null>;
  /** The kinds of objects that a verification looks for; none until a test adds some. */
  audited: AuditedObjects;
  close(): Promise<void>;
}

export function openAuditTestContext(): Promise<AuditTestContext> {
  return openResources(async (closeLater) => {
    const { database, url } = closeLater(await openFreshDatabase());
    const clock = new FakeClock();
    const { ring, ids, integrity } = await openTestVault(database, clock);
    const log = new AuditLog(clock, ids, ring, integrity);
    const audited = new AuditedObjects();
    const chain = new AuditChain(database, clock, ring);
    const verifier = new ChainVerifier(database, clock, chain, ring, audited);
    const record = async (count: number, secondsApart = 1): Promise<void> => {
      for (let index = 0; index < count; index++) {
        await log.record(database, { action: 'lease.issued', actor: SYSTEM, tenant: 'acme', details: { index } });
        clock.advance(secondsApart);
      }
    };
    const linkedIds = async (): Promise<string[]> => {
      const rows = await database.rows<{ entry_id: string }>({
        text: 'SELECT entry_id FROM audit_link ORDER BY position',
      });
      return rows.map((row) => row.entry_id);
    };
    return {
      database,
      url,
      clock,
      ring,
      ids,
      log,
      chain,
      verifier,
      audited,
      record,
      linkedIds,
      sql: (text: string, values: unknown[] = []) => database.longRunning.run({ text, values }),
      recordTenLinked: async () => {
        await record(10, 600);
        const linked = await chain.linkNewEntries();
        if (linked !== 10) throw new Error(`${linked} of ten entries were linked`);
        return linkedIds();
      },
      findFault: async () => {
        const { valid, firstFault } = await verifier.verify();
        if (valid !== (firstFault === null))
          throw new Error(`valid is ${valid}, and yet ${JSON.stringify(firstFault)}`);
        return firstFault;
      },
    };
  });
}
