import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import type { Caller } from '../../src/auth/authenticated-client.ts';
import type { Database } from '../../src/database/database.ts';
import { LeaseCheck } from '../../src/leases/gateway-lease-verifier.ts';
import { SealAlarm } from '../../src/leases/integrity-alert.ts';
import type { LeaseRequest } from '../../src/leases/lease.dto.ts';
import { LeaseRecords } from '../../src/leases/lease.service.ts';
import { IssueLease } from '../../src/leases/lease-issuer.ts';
import { GatewayLeases } from '../../src/leases/token-replacement.service.ts';
import type { EnsureValid } from '../../src/lifecycle/refresh/on-demand-refresh.service.ts';
import { connectionsRoom, type TestConnections } from './connections-harness.ts';
import { FakeClock } from './fake-clock.ts';
import { openFreshDatabase } from './fresh-database.ts';
import { assemble } from './open-resources.ts';
import { testConfig } from './test-config.ts';
import { captureLog } from './test-replica.ts';
import { openTestVault } from './test-vault.ts';

/** The leases room on a database of its own, put together by hand, with connections beside it. */
export interface LeasesStage {
  clock: FakeClock;
  database: Database;
  room: TestConnections;
  issue: IssueLease;
  check: LeaseCheck;
  records: LeaseRecords;
  inAnswers: GatewayLeases;
  /** Those that were asked for. */
  renewals: { credentialId: string; minValidSeconds: number }[];
  /** What a renewal does from now on; nothing until it is told. */
  onRenewal(work: () => Promise<void>): void;
  /** A client that may do everything unless its policy says less. */
  client(policy?: Partial<Caller>): Promise<Caller>;
  /** How many leases there are, and how many entries of the audit say so. */
  written(): Promise<{ leases: number; entries: number }>;
  close(): Promise<void>;
}

export const LEASED_PAGES = [{ id: '501', token: 'EAApage501', instagramId: '17841400000000001' }];
export const LEASE_WANTED: LeaseRequest = { tenant: 'tenant-a', product: 'pages' };

export function leasesStage(): Promise<LeasesStage> {
  return assemble(async (keep) => {
    const clock = new FakeClock();
    const { database } = keep(await openFreshDatabase());
    const sealed = await openTestVault(database, clock);
    const { vault, ring, ids, random } = sealed;
    const config = testConfig();
    const room = connectionsRoom(database, clock, config, sealed);
    const renewals: LeasesStage['renewals'] = [];
    let renew: () => Promise<void> = async () => undefined;
    const ensureValid = {
      ensure: async (credentialId: string, minValidSeconds: number) => {
        renewals.push({ credentialId, minValidSeconds });
        await renew();
      },
    } as EnsureValid;
    const alarm = new SealAlarm(database, room.audit, clock, captureLog().logger, new Registry());
    return {
      clock,
      database,
      room,
      renewals,
      onRenewal: (work: () => Promise<void>) => {
        renew = work;
      },
      issue: new IssueLease(database, vault, ring, ensureValid, clock, ids, random, config, alarm),
      check: new LeaseCheck(database, vault, ring, clock, alarm),
      records: new LeaseRecords(database, ring, room.audit, clock),
      inAnswers: new GatewayLeases(database, ring, clock, ids, random),
      client: (policy: Partial<Caller> = {}) => makeCaller(database, ids.next('cli'), clock.now(), policy),
      written: async () => {
        const [row] = await database.rows<{ leases: number; entries: number }>({
          text: `SELECT (SELECT count(*)::int FROM lease) AS leases,
            (SELECT count(*)::int FROM audit_entry WHERE action = 'lease.issued') AS entries`,
        });
        return row ?? { leases: -1, entries: -1 };
      },
    };
  });
}

async function makeCaller(
  database: Database,
  clientId: string,
  createdAt: Date,
  policy: Partial<Caller>,
): Promise<Caller> {
  const keyHash = randomBytes(32);
  await database.run({
    text: `INSERT INTO client (id, name, role, tenants, products, lease_modes, max_ttl_seconds, created_at)
      VALUES ($1, 'test', 'service', '{*}', '{*}', '{gateway,token}', 3600, $2)`,
    values: [clientId, createdAt],
  });
  await database.run({
    text: 'INSERT INTO client_key (hash, client_id, created_at) VALUES ($1, $2, $3)',
    values: [keyHash, clientId, createdAt],
  });
  return {
    clientId,
    name: 'test',
    role: 'service',
    tenants: ['*'],
    products: ['*'],
    leaseModes: ['gateway', 'token'],
    maxTtlSeconds: 3600,
    rateLimitPerSecond: null,
    ipAllowList: null,
    policyVersion: 1,
    keyHash,
    ...policy,
  };
}
