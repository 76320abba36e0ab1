import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { SYSTEM } from '../../src/audit/actor.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';
import type { Config } from '../../src/config/config.ts';
import type { Database } from '../../src/database/database.ts';
import { RetentionService } from '../../src/database/retention.service.ts';
import { DeliveriesService } from '../../src/events/deliveries/deliveries.service.ts';
import { DeliveryRetention } from '../../src/events/deliveries/delivery-retention.ts';
import { EventBacklogQuery } from '../../src/events/deliveries/event-backlog.query.ts';
import { AttemptRecorder } from '../../src/events/dispatch/attempt-recorder.ts';
import { DeliveryMetrics } from '../../src/events/dispatch/delivery-metrics.ts';
import { DeliveryWorker } from '../../src/events/dispatch/delivery-worker.ts';
import { Dispatcher } from '../../src/events/dispatch/dispatcher.ts';
import { FanOut } from '../../src/events/dispatch/fan-out.ts';
import { ClearEventSealer } from '../../src/events/outbox/clear-event-sealer.ts';
import { EventContents } from '../../src/events/outbox/event-contents.ts';
import { RawJson } from '../../src/events/outbox/event-data.ts';
import { EventPayloadsJob } from '../../src/events/outbox/event-payloads.job.ts';
import { Outbox, type OutboxEvent } from '../../src/events/outbox/outbox.ts';
import { PayloadRetention } from '../../src/events/outbox/payload-retention.ts';
import { TenantPayloads } from '../../src/events/outbox/tenant-payloads.ts';
import { QueueClaimer } from '../../src/events/queue/queue-claimer.ts';
import { DeliverySender } from '../../src/events/subscribers/delivery-sender.ts';
import {
  createSubscriberHttpClient,
  type SubscriberHttpOptions,
  toAddressRules,
} from '../../src/events/subscribers/subscriber-http-client.ts';
import { SubscriberResolver } from '../../src/events/subscriptions/subscriber-resolver.ts';
import { SubscriptionRepository } from '../../src/events/subscriptions/subscription.repository.ts';
import { SubscriptionMaintenanceJob } from '../../src/events/subscriptions/subscription-maintenance.job.ts';
import { SubscriptionSecretService } from '../../src/events/subscriptions/subscription-secret.service.ts';
import { SubscriptionUpdater } from '../../src/events/subscriptions/subscription-updater.ts';
import { type NewSubscription, SubscriptionsService } from '../../src/events/subscriptions/subscriptions.service.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { JobScheduler } from '../../src/platform/jobs/job-scheduler.ts';
import { ManualTimers } from './manual-timers.ts';
import { captureLog } from './test-replica.ts';
import type { TestVault } from './test-vault.ts';

/**
 * One replica's events module, assembled by hand. The dispatcher polls when a test calls it, or on its own once
 * started.
 */
export interface EventsHarness {
  outbox: Outbox;
  payloads: EventPayloadsJob;
  /** Purges of payloads only. */
  retention: RetentionService;
  /** Seals up to `limit` events of an earlier release. Returns how many it found. */
  sealNext(limit: number): Promise<number>;
  replay(deliveryId: string): Promise<void>;
  /** Destroys a tenant's payload keys. Returns how many. */
  shred(tenant: string): Promise<number>;
  /** Publishes an event of Meta's, whose entry is this JSON text. */
  relay(text: string, event?: Partial<OutboxEvent>): Promise<void>;
  store: SubscriptionsService;
  changes: SubscriptionUpdater;
  deliveries: DeliveriesService;
  claims: QueueClaimer;
  records: AttemptRecorder;
  fanOut: FanOut;
  dispatcher: Dispatcher;
  backlog: EventBacklogQuery;
  maintenance: SubscriptionMaintenanceJob;
  /** Runs every purge as if RETENTION_DAYS were `days`. Returns how many events it removed. */
  purge(days: number): Promise<number>;
  log: ReturnType<typeof captureLog>;
  /** For requests to subscribers, and for the wait for them at shutdown. */
  timers: ManualTimers;
  /** Polls until nothing is found and nothing is under way. */
  deliverAll(): Promise<void>;
  subscribe(input: Partial<NewSubscription> & { url: string }): Promise<string>;
  publish(event?: Partial<OutboxEvent>): Promise<void>;
  /** Shuts down, and lets the time pass that open requests may still take. */
  close(): Promise<void>;
}

export const WITHOUT_SCOPE = { actor: SYSTEM, requestId: null, scope: { tenants: null, products: null } };

export function createEventsHarness(
  database: Database,
  clock: Clock,
  config: Config,
  of: TestVault,
  options: SubscriberHttpOptions = {},
): EventsHarness {
  const log = captureLog();
  const audit = new AuditLog(clock, of.ids, of.ring, of.integrity);
  const contents = new EventContents(of.payloads);
  const outbox = new Outbox(clock, of.ids, of.integrity, contents);
  const secrets = new SubscriptionSecretService(of.vault, clock, of.random);
  const rows = new SubscriptionRepository(of.rowMacs);
  const store = new SubscriptionsService(database, rows, secrets, audit, clock, of.ids);
  const timers = new ManualTimers();
  const sender = new DeliverySender(createSubscriberHttpClient(toAddressRules(config), options), clock, timers);
  const retention = new RetentionService(clock, config, log.logger);
  const payloads = new PayloadRetention(database, clock, of.payloads, config, retention);
  const records = new AttemptRecorder(database, rows, audit, clock, payloads);
  const backlog = new EventBacklogQuery(database, clock);
  const metrics = new DeliveryMetrics(new Registry(), backlog);
  const subscribers = new SubscriberResolver(database, rows, secrets, clock, config);
  const worker = new DeliveryWorker(subscribers, contents, sender, records, metrics, clock, of.random);
  const claims = new QueueClaimer(database, rows, clock, of.ids, config);
  const fanOut = new FanOut(database, rows, clock, of.ids, payloads);
  const jobs = new JobScheduler(new SchedulerRegistry(), new Registry(), true, log.logger);
  const dispatcher = new Dispatcher(fanOut, claims, worker, sender, timers, jobs, true, log.logger);
  const maintenance = new SubscriptionMaintenanceJob(database, secrets, audit, clock, jobs, log.logger);
  const deliveries = new DeliveriesService(database, store, audit, clock);
  const tenantPayloads = new TenantPayloads(database, of.payloads, audit);
  const sealer = new ClearEventSealer(database, of.payloads, payloads);
  return {
    outbox,
    payloads: new EventPayloadsJob(jobs, sealer, payloads, of.payloads),
    retention,
    sealNext: (limit) => sealer.sealNext(limit),
    replay: async (id) => void (await deliveries.replay(WITHOUT_SCOPE, id)),
    shred: (tenant) => database.transaction((tx) => tenantPayloads.shred(tx, tenant)),
    relay: (text, event = {}) =>
      outbox.add(database, {
        type: 'meta.webhook',
        tenant: 'acme',
        product: 'pages',
        connectionId: 'con_1',
        data: { entry: new RawJson(text) },
        ...event,
      }),
    store,
    changes: new SubscriptionUpdater(database, store, rows, audit, clock),
    records,
    claims,
    fanOut,
    dispatcher,
    backlog,
    timers,
    log,
    deliveries,
    maintenance,
    purge: async (days) => {
      const countEvents = async () => (await database.rows({ text: 'SELECT 1 FROM event' })).length;
      const before = await countEvents();
      const retention = new RetentionService(clock, { ...config, retentionDays: days }, log.logger);
      new DeliveryRetention(database, retention);
      await maintenance.deleteRemains();
      await retention.run(() => false);
      return before - (await countEvents());
    },
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
    close: async () => {
      const closed = dispatcher.onApplicationShutdown();
      timers.advance(60_000);
      await closed;
    },
  };
}
