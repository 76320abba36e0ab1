import type { Product } from '../../src/config/config.ts';
import { ConnectionProvisioner } from '../../src/connections/authorization/connection-provisioner.ts';
import { PendingAuthorizationRepository } from '../../src/connections/authorization/pending-authorization.repository.ts';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import type { CredentialResponse } from '../../src/connections/connection/credential-response.dto.ts';
import { Database } from '../../src/database/database.ts';
import { RELAYED_EVENT_TYPE } from '../../src/events/outbox/event-type.ts';
import { LifecycleJob } from '../../src/lifecycle/sweeps/lifecycle.job.ts';
import { Sweep } from '../../src/lifecycle/sweeps/sweep.ts';
import { Clock } from '../../src/platform/clock.ts';
import type { Fault, FaultMatch, FaultRule } from '../../src/sandbox/control/fault-script.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { PrincipalKind } from '../../src/sandbox/state/records.ts';
import { api, type ConnectTestContext, openConnectTestContext } from './connect-test-context.ts';
import { connect } from './connections-harness.ts';
import { openResources } from './open-resources.ts';
import { readRelayedEvents } from './relayed-events.ts';
import type { TestReplica } from './test-replica.ts';

export const DAY = 86_400;

/** A replica and a Meta of its own on one fake time, with the usual steps of lifecycle tests. */
export interface LifecycleTestContext extends ConnectTestContext {
  sweep: Sweep;
  schedule: LifecycleJob;
  database: Database;
  /** Revokes every connection. Sweeps process all of them, so a test that counts their work must start without any. */
  revokeConnections(): Promise<void>;
  /** Imports a token of a new user. */
  importConnection(options?: ImportedConnectionOptions): Promise<ImportedConnection>;
  connection(id: string): Promise<ConnectionResponse>;
  root(id: string): Promise<CredentialResponse>;
  /** Makes the next matching calls fail; `struck` counts them as they arrive at Meta. */
  fault(fault: Fault, match?: FaultMatch, times?: number | null): FaultRule;
  exchanges(): { exchanged: number; repeatedExchanges: number };
  events(type: string): Promise<Record<string, unknown>[]>;
  /** The details of these audit entries, in order; of one connection where it is named. */
  audited(action: string, connectionId?: string): Promise<Record<string, unknown>[]>;
}

/**
 * Connections with a user token each, without calls to Meta. `expiresIn` is spread evenly from the first to the last.
 * Returns connection ids by Meta user.
 */
export async function seedConnections(
  replica: TestReplica,
  sandbox: Sandbox,
  count: number,
  expiresIn: { from: number; to: number },
): Promise<Map<string, string>> {
  const clock = replica.app.get(Clock);
  const harness = {
    pendingAuthorizations: replica.app.get(PendingAuthorizationRepository),
    provisioner: replica.app.get(ConnectionProvisioner),
  };
  const ids = new Map<string, string>();
  const scopes = ['pages_show_list'];
  const seedOne = async (index: number): Promise<void> => {
    const seconds = expiresIn.from + ((expiresIn.to - expiresIn.from) * index) / count;
    const expiresAt = new Date(clock.now().getTime() + seconds * 1000);
    const [made] = sandbox.state.make.bulk({ count: 1, expiresAt: expiresAt.getTime(), scopes });
    if (made === undefined) throw new Error('the sandbox made nothing');
    // In the order of expiry, no matter which is done first.
    ids.set(made.userId, '');
    const connectionId = await connect(harness, clock, {
      tenant: 'seed',
      flow: 'import',
      appId: sandbox.app.id,
      metaUserId: made.userId,
      root: { token: made.accessToken, subjectName: null, expiresAt },
    });
    ids.set(made.userId, connectionId);
  };
  await eightAtOnce(count, seedOne);
  return ids;
}

/** Does work for each index below `count`. */
async function eightAtOnce(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const workOn = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 8 }, workOn));
}

interface ImportedConnectionOptions {
  kind?: PrincipalKind;
  tenant?: string;
  product?: Product;
  expiresIn?: number | null;
  pages?: number;
}

export interface ImportedConnection {
  id: `con_${string}`;
  userId: string;
  token: string;
  pageIds: string[];
}

const PRODUCT: Readonly<Record<PrincipalKind, Product>> = {
  user: 'pages',
  system_user: 'whatsapp',
  instagram_user: 'instagram',
  threads_user: 'threads',
};

export function openLifecycleTestContext(environment: Record<string, string> = {}): Promise<LifecycleTestContext> {
  return openResources(async (closeLater) => {
    const context = closeLater(await openConnectTestContext({ environment }));
    const { sandbox, replica } = context;
    const database = replica.app.get(Database);
    const connection = async (id: string): Promise<ConnectionResponse> =>
      (await api(context).get(`/v1/connections/${id}`).expect(200)).body as ConnectionResponse;
    return {
      ...context,
      sweep: replica.app.get(Sweep),
      schedule: replica.app.get(LifecycleJob),
      database,
      connection,
      revokeConnections: async () => {
        const living = await database.rows<{ id: string }>({
          text: `SELECT id FROM connection WHERE status <> 'revoked'`,
          values: [],
        });
        await eightAtOnce(living.length, async (index) => {
          await api(context).delete(`/v1/connections/${living[index]?.id}`).expect(200);
        });
      },
      importConnection: async (options = {}) => {
        const kind = options.kind ?? 'user';
        const user = sandbox.state.make.user({ kind });
        const pageIds = Array.from(
          { length: options.pages ?? 0 },
          () => sandbox.state.make.page({ userIds: [user.id] }).id,
        );
        const { accessToken } = sandbox.state.make.token({
          userId: user.id,
          ...(options.expiresIn === undefined ? {} : { expiresIn: options.expiresIn }),
        });
        const body = {
          tenant: options.tenant ?? 'acme',
          product: options.product ?? PRODUCT[kind],
          access_token: accessToken,
        };
        const response = await api(context).post('/v1/connections/import', body);
        if (response.status !== 201) throw new Error(`the import gave ${response.status}: ${response.text}`);
        return { id: (response.body as ConnectionResponse).id, userId: user.id, token: accessToken, pageIds };
      },
      root: async (id) => {
        const [root] = (await connection(id)).credentials;
        if (root === undefined) throw new Error(`${id} has no credential`);
        return root;
      },
      fault: (fault, match, times = 1) =>
        sandbox.state.faults.add({ fault, times, ...(match === undefined ? {} : { match }) }),
      exchanges: () => sandbox.state.log.counters(),
      events: async (type) => {
        if (type === RELAYED_EVENT_TYPE)
          return (await readRelayedEvents(replica)).map(({ data }) => JSON.parse(data) as Record<string, unknown>);
        return (
          await database.rows<{ data: Record<string, unknown> }>({
            text: 'SELECT data FROM event WHERE type = $1 ORDER BY id',
            values: [type],
          })
        ).map((row) => row.data);
      },
      audited: async (action, connectionId = undefined) =>
        (
          await database.rows<{ details: Record<string, unknown> }>({
            text: `SELECT details FROM audit_entry WHERE action = $1 AND ($2::text IS NULL OR connection_id = $2)
              ORDER BY id`,
            values: [action, connectionId ?? null],
          })
        ).map((row) => row.details),
    };
  });
}
