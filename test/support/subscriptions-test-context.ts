import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { Database } from '../../src/database/database.ts';
import { Outbox, type OutboxEvent } from '../../src/events/outbox/outbox.ts';
import { api } from './connect-test-context.ts';
import { captureLog, startTestReplica, type TestReplica } from './test-replica.ts';
import { type Receiver, startReceiver } from './webhook-receiver.ts';

interface Subscription {
  id: string;
  secret: string;
  url: string;
}

/** The fields that tests read. */
interface Delivery {
  id: string;
  attempts: number;
  last_error: string | null;
}

/** What tests of subscriptions over the API work with: a replica on real time, with events published to its outbox. */
export interface SubscriptionsTestContext {
  replica: TestReplica;
  log: ReturnType<typeof captureLog>;
  /** Answers every delivery with 204 until a test changes that. */
  receiver: Receiver;
  call(): ReturnType<typeof api>;
  /** Subscribes the receiver to `connection.created`, unless the body says otherwise. */
  subscribe(body?: Record<string, unknown>): Promise<Subscription>;
  /** Publishes `SAMPLE_EVENT`, changed as given. */
  publish(event?: Partial<OutboxEvent>): Promise<void>;
  /** As the API shows them. */
  deliveries(subscriptionId: string, status: string): Promise<Delivery[]>;
  auditActions(subjectId: string): Promise<string[]>;
}

export const SAMPLE_EVENT: OutboxEvent = {
  type: 'connection.created',
  tenant: 'acme',
  product: 'pages',
  connectionId: 'con_1',
  data: { connection_id: 'con_1', tenant: 'acme', product: 'pages', status: 'active' },
};

/** Hooks for a spec file: one replica; for each test a new receiver, and no subscriptions left behind. */
export function useSubscriptions(): SubscriptionsTestContext {
  const log = captureLog('debug');
  const context = { log } as SubscriptionsTestContext;
  const call = () => api(context);
  const database = () => context.replica.app.get(Database);
  beforeAll(async () => {
    context.replica = await startTestReplica({ overrides: { logger: log.logger } });
  });
  afterAll(() => context.replica?.close());
  beforeEach(async () => {
    context.receiver = await startReceiver();
  });
  afterEach(async () => {
    for (const { id } of (await call().get('/v1/subscriptions')).body.data)
      await call().delete(`/v1/subscriptions/${id}`);
    await context.receiver.close();
  });
  return Object.assign(context, {
    call,
    subscribe: async (body: Record<string, unknown> = {}) => {
      const wanted = { url: context.receiver.url, events: ['connection.created'], ...body };
      const response = await call().post('/v1/subscriptions', wanted);
      if (response.status !== 201) throw new Error(`no subscription: ${response.status} ${response.text}`);
      return response.body as Subscription;
    },
    publish: (event: Partial<OutboxEvent> = {}) =>
      context.replica.app.get(Outbox).add(database(), { ...SAMPLE_EVENT, ...event }),
    deliveries: async (subscriptionId: string, status: string) =>
      (await call().get(`/v1/subscriptions/${subscriptionId}/deliveries?status=${status}`)).body.data,
    auditActions: async (subjectId: string) => {
      const entries = await database().rows<{ action: string }>({
        text: 'SELECT action FROM audit_entry WHERE subject_id = $1 ORDER BY id',
        values: [subjectId],
      });
      return entries.map(({ action }) => action);
    },
  });
}
