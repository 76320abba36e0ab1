import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import type { ResolvedClient } from '../../src/auth/authenticated-client.ts';
import { insertClient } from '../../src/auth/client.repository.ts';
import { insertClientKey } from '../../src/auth/client-key.repository.ts';
import type { Database } from '../../src/database/database.ts';
import { PartitionService } from '../../src/database/partitions/partition.service.ts';
import { RetentionService } from '../../src/database/retention.service.ts';
import type { RowMacs } from '../../src/database/row-macs.ts';
import { GatewayLeaseVerifier } from '../../src/leases/gateway-lease-verifier.ts';
import { IntegrityAlert } from '../../src/leases/integrity-alert.ts';
import type { LeaseRequest } from '../../src/leases/lease.dto.ts';
import { LeaseService } from '../../src/leases/lease.service.ts';
import { LeaseIssuer } from '../../src/leases/lease-issuer.ts';
import { LeaseListService } from '../../src/leases/lease-list.service.ts';
import { LeaseRetention } from '../../src/leases/lease-retention.ts';
import { TokenReplacementService } from '../../src/leases/token-replacement.service.ts';
import { WrittenLeaseCheck } from '../../src/leases/written-lease-check.ts';
import type { OnDemandRefreshService } from '../../src/lifecycle/refresh/on-demand-refresh.service.ts';
import { MetaApps } from '../../src/meta/meta-apps.ts';
import { type ConnectionsHarness, createConnectionsHarness } from './connections-harness.ts';
import { FakeClock } from './fake-clock.ts';
import { openFreshDatabase } from './fresh-database.ts';
import { idleJobScheduler } from './idle-job-scheduler.ts';
import { openResources } from './open-resources.ts';
import { recomputeMac } from './recompute-mac.ts';
import { testConfig } from './test-config.ts';
import { captureLog } from './test-replica.ts';
import { openTestVault } from './test-vault.ts';

/** The leases module on a database of its own, put together by hand, along with connections. */
export interface LeasesTestContext {
  clock: FakeClock;
  database: Database;
  connections: ConnectionsHarness;
  issue: LeaseIssuer;
  check: GatewayLeaseVerifier;
  records: LeaseService;
  lists: LeaseListService;
  partitions: PartitionService;
  retention: LeaseRetention;
  tokenReplacement: TokenReplacementService;
  /** Refreshes that were requested. */
  refreshes: { credentialId: string; minValidSeconds: number }[];
  /** Sets what a refresh does from now on; by default nothing. */
  onRefresh(work: () => Promise<void>): void;
  /** Creates a client that may do everything, unless `policy` limits it. */
  client(policy?: Partial<ResolvedClient>): Promise<ResolvedClient>;
  /** Gives rows that were changed by hand the MACs that this service would have given them. */
  recomputeMac(): Promise<void>;
  /** How many leases there are, and how many audit entries about them. */
  countWritten(): Promise<{ leases: number; entries: number }>;
  close(): Promise<void>;
}

export const LEASED_PAGES = [{ id: '501', token: 'EAApage501', instagramId: '17841400000000001' }];
export const LEASE_REQUEST: LeaseRequest = { tenant: 'tenant-a', product: 'pages' };

export function openLeasesTestContext(): Promise<LeasesTestContext> {
  return openResources(async (closeLater) => {
    const clock = new FakeClock();
    const { database } = closeLater(await openFreshDatabase());
    const sealed = await openTestVault(database, clock);
    const { vault, ring, ids, random } = sealed;
    const config = testConfig();
    const connections = createConnectionsHarness(database, clock, config, sealed);
    const refreshes: LeasesTestContext['refreshes'] = [];
    let refresh: () => Promise<void> = async () => undefined;
    const onDemandRefresh = {
      ensure: async (credentialId: string, minValidSeconds: number) => {
        refreshes.push({ credentialId, minValidSeconds });
        await refresh();
      },
    } as OnDemandRefreshService;
    const alert = new IntegrityAlert(database, connections.audit, clock, captureLog().logger, new Registry());
    const { logger } = captureLog();
    const partitions = new PartitionService(database, clock, logger, new Registry(), idleJobScheduler());
    const written = new WrittenLeaseCheck(database, connections.audit, sealed.integrity, clock);
    return {
      clock,
      database,
      connections,
      refreshes,
      onRefresh: (work: () => Promise<void>) => {
        refresh = work;
      },
      issue: new LeaseIssuer(
        database,
        vault,
        ring,
        onDemandRefresh,
        clock,
        ids,
        random,
        config,
        alert,
        new MetaApps(config),
        written,
        sealed.rowMacs,
      ),
      check: new GatewayLeaseVerifier(database, vault, ring, clock, alert, sealed.rowMacs),
      records: new LeaseService(database, ring, connections.audit, clock, sealed.rowMacs),
      lists: new LeaseListService(database, clock, sealed.rowMacs),
      partitions,
      retention: new LeaseRetention(database, clock, partitions, new RetentionService(clock, config, logger), config),
      tokenReplacement: new TokenReplacementService(database, ring, clock, ids, random, written, sealed.rowMacs),
      client: (policy: Partial<ResolvedClient> = {}) =>
        createClient(database, sealed.rowMacs, ids.next('cli'), clock.now(), policy),
      recomputeMac: () => recomputeMac(database, ring, clock),
      countWritten: async () => {
        const [row] = await database.rows<{ leases: number; entries: number }>({
          text: `SELECT (SELECT count(*)::int FROM lease) AS leases,
            (SELECT count(*)::int FROM audit_entry WHERE action = 'lease.issued') AS entries`,
        });
        return row ?? { leases: -1, entries: -1 };
      },
    };
  });
}

async function createClient(
  database: Database,
  macs: RowMacs,
  clientId: `cli_${string}`,
  createdAt: Date,
  policy: Partial<ResolvedClient>,
): Promise<ResolvedClient> {
  const keyHash = randomBytes(32);
  await insertClient(database, macs, {
    id: clientId,
    name: 'test',
    role: 'service',
    tenants: ['*'],
    products: ['*'],
    lease_modes: ['gateway', 'token'],
    max_ttl_seconds: 3600,
    rate_limit_per_second: null,
    allow: null,
    ip_allow_list: null,
    policy_version: 1,
    created_at: createdAt,
  });
  await insertClientKey(database, macs, { hash: keyHash, clientId, createdAt, expiresAt: null });
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
