import { Registry } from 'prom-client';
import { AuditLog, SYSTEM } from '../../src/audit/audit-log.ts';
import type { Config } from '../../src/config/config.ts';
import type { Database } from '../../src/database/database.ts';
import { AttemptRecorder } from '../../src/events/deliveries/attempt-recorder.ts';
import { DeliveryRepository } from '../../src/events/deliveries/delivery.repository.ts';
import { DeliveryMetrics } from '../../src/events/deliveries/delivery-metrics.ts';
import { DeliveryQueueRepository } from '../../src/events/deliveries/delivery-queue.repository.ts';
import { DeliverySender } from '../../src/events/deliveries/delivery-sender.ts';
import { DeliveryWorker } from '../../src/events/deliveries/delivery-worker.ts';
import { Dispatcher } from '../../src/events/deliveries/dispatcher.ts';
import { EventBacklogQuery } from '../../src/events/deliveries/event-backlog.query.ts';
import { EventMaintenanceJob } from '../../src/events/deliveries/event-maintenance.job.ts';
import { FanOut } from '../../src/events/deliveries/fan-out.ts';
import { Outbox, type OutboxEvent } from '../../src/events/outbox/outbox.ts';
import { createSubscriberHttpClient, toAddressRules } from '../../src/events/subscriptions/subscriber-http-client.ts';
import { SubscriberResolver } from '../../src/events/subscriptions/subscriber-resolver.ts';
import {
  type NewSubscription,
  SubscriptionRepository,
} from '../../src/events/subscriptions/subscription.repository.ts';
import { SubscriptionSecretRepository } from '../../src/events/subscriptions/subscription-secret.repository.ts';
import { SubscriptionUpdater } from '../../src/events/subscriptions/subscription-updater.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { captureLog } from './test-replica.ts';
import type { TestVault } from './test-vault.ts';

/** The events room of one replica, put together by hand; its dispatcher looks when it is told to, or goes by itself once started. */
export interface EventsHarness {
  outbox: Outbox;
  store: SubscriptionRepository;
  changes: SubscriptionUpdater;
  deliveries: DeliveryRepository;
  claims: DeliveryQueueRepository;
  records: AttemptRecorder;
  fanOut: FanOut;
  dispatcher: Dispatcher;
  backlog: EventBacklogQuery;
  maintenance: EventMaintenanceJob;
  log: ReturnType<typeof captureLog>;
  /** Looks until nothing is found and nothing is under way. */
  deliverAll(): Promise<void>;
  subscribe(input: Partial<NewSubscription> & { url: string }): Promise<string>;
  publish(event?: Partial<OutboxEvent>): Promise<void>;
  close(): Promise<void>;
}

export const WITHOUT_SCOPE = { actor: SYSTEM, requestId: null, scope: { tenants: null, products: null } };

export function createEventsHarness(database: Database, clock: Clock, config: Config, of: TestVault): EventsHarness {
  const log = captureLog();
  const audit = new AuditLog(clock, of.ids, of.ring);
  const outbox = new Outbox(clock, of.ids);
  const secrets = new SubscriptionSecretRepository(of.vault, clock, of.random);
  const store = new SubscriptionRepository(database, secrets, audit, clock, of.ids);
  const sender = new DeliverySender(createSubscriberHttpClient(toAddressRules(config)), clock);
  const records = new AttemptRecorder(database, audit, clock);
  const backlog = new EventBacklogQuery(database, clock);
  const metrics = new DeliveryMetrics(new Registry(), backlog);
  const subscribers = new SubscriberResolver(database, secrets, clock, config);
  const worker = new DeliveryWorker(subscribers, sender, records, metrics, clock, of.random);
  const claims = new DeliveryQueueRepository(database, clock, of.ids, config);
  const fanOut = new FanOut(database, clock, of.ids);
  const dispatcher = new Dispatcher(fanOut, claims, worker, sender, log.logger);
  return {
    outbox,
    store,
    changes: new SubscriptionUpdater(database, store, audit, clock),
    records,
    claims,
    fanOut,
    dispatcher,
    backlog,
    log,
    deliveries: new DeliveryRepository(database, store, audit, clock),
    maintenance: new EventMaintenanceJob(database, secrets, audit, clock, config, log.logger),
    deliverAll: async () => {
      while (await dispatcher.poll()) await dispatcher.drained();
    },
    subscribe: async (input) => {
      const filter = { events: ['connection.refreshed' as const], tenants: null, products: null };
      return (await store.create(WITHOUT_SCOPE, { ...filter, ...input })).subscription.id;
    },
    publish: (event = {}) =>
      outbox.add(database, {
        type: 'connection.refreshed',
        tenant: 'acme',
        product: 'pages',
        connectionId: 'con_1',
        data: { status: 'active' },
        ...event,
      }),
    close: () => dispatcher.onApplicationShutdown(),
  };
}
