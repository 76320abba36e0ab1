import { Registry } from 'prom-client';
import { AuditLog, SYSTEM } from '../../src/audit/audit-log.ts';
import type { Config } from '../../src/config/config.ts';
import type { Database } from '../../src/database/database.ts';
import { DeliveryRecords } from '../../src/events/deliveries/attempt-recorder.ts';
import { DeliveryStore } from '../../src/events/deliveries/delivery.repository.ts';
import { DeliveryMetrics } from '../../src/events/deliveries/delivery-metrics.ts';
import { DeliveryClaims } from '../../src/events/deliveries/delivery-queue.repository.ts';
import { SendDelivery } from '../../src/events/deliveries/delivery-sender.ts';
import { DeliveryWorker } from '../../src/events/deliveries/delivery-worker.ts';
import { Dispatcher } from '../../src/events/deliveries/dispatcher.ts';
import { EventBacklog } from '../../src/events/deliveries/event-backlog.query.ts';
import { EventUpkeep } from '../../src/events/deliveries/event-maintenance.job.ts';
import { FanOut } from '../../src/events/deliveries/fan-out.ts';
import { Outbox, type OutboxEvent } from '../../src/events/outbox/outbox.ts';
import { addressRules, openSubscriberHttp } from '../../src/events/subscriptions/subscriber-http-client.ts';
import { Subscribers } from '../../src/events/subscriptions/subscriber-resolver.ts';
import { type NewSubscription, SubscriptionStore } from '../../src/events/subscriptions/subscription.repository.ts';
import { SubscriptionSecrets } from '../../src/events/subscriptions/subscription-secret.repository.ts';
import { SubscriptionChanges } from '../../src/events/subscriptions/subscription-updater.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { captureLog } from './test-replica.ts';
import type { TestVault } from './test-vault.ts';

/** The events room of one replica, put together by hand; its dispatcher looks when it is told to, or goes by itself once started. */
export interface EventsRoom {
  outbox: Outbox;
  store: SubscriptionStore;
  changes: SubscriptionChanges;
  deliveries: DeliveryStore;
  claims: DeliveryClaims;
  records: DeliveryRecords;
  fanOut: FanOut;
  dispatcher: Dispatcher;
  backlog: EventBacklog;
  upkeep: EventUpkeep;
  log: ReturnType<typeof captureLog>;
  /** Looks until nothing is found and nothing is under way. */
  work(): Promise<void>;
  subscribe(input: Partial<NewSubscription> & { url: string }): Promise<string>;
  happen(event?: Partial<OutboxEvent>): Promise<void>;
  close(): Promise<void>;
}

export const WITHOUT_SCOPE = { actor: SYSTEM, requestId: null, scope: { tenants: null, products: null } };

export function eventsRoom(database: Database, clock: Clock, config: Config, of: TestVault): EventsRoom {
  const log = captureLog();
  const audit = new AuditLog(clock, of.ids, of.ring);
  const outbox = new Outbox(clock, of.ids);
  const secrets = new SubscriptionSecrets(of.vault, clock, of.random);
  const store = new SubscriptionStore(database, secrets, audit, clock, of.ids);
  const sender = new SendDelivery(openSubscriberHttp(addressRules(config)), clock);
  const records = new DeliveryRecords(database, audit, clock);
  const backlog = new EventBacklog(database, clock);
  const metrics = new DeliveryMetrics(new Registry(), backlog);
  const subscribers = new Subscribers(database, secrets, clock, config);
  const worker = new DeliveryWorker(subscribers, sender, records, metrics, clock, of.random);
  const claims = new DeliveryClaims(database, clock, of.ids, config);
  const fanOut = new FanOut(database, clock, of.ids);
  const dispatcher = new Dispatcher(fanOut, claims, worker, sender, log.logger);
  return {
    outbox,
    store,
    changes: new SubscriptionChanges(database, store, audit, clock),
    records,
    claims,
    fanOut,
    dispatcher,
    backlog,
    log,
    deliveries: new DeliveryStore(database, store, audit, clock),
    upkeep: new EventUpkeep(database, secrets, audit, clock, config, log.logger),
    work: async () => {
      while (await dispatcher.look()) await dispatcher.settled();
    },
    subscribe: async (input) => {
      const filter = { events: ['connection.refreshed' as const], tenants: null, products: null };
      return (await store.create(WITHOUT_SCOPE, { ...filter, ...input })).subscription.id;
    },
    happen: (event = {}) =>
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
