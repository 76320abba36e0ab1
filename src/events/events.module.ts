import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { AttemptRecorder } from './deliveries/attempt-recorder.ts';
import { DeliveryRepository } from './deliveries/delivery.repository.ts';
import { DeliveryMetrics } from './deliveries/delivery-metrics.ts';
import { DeliveryQueueRepository } from './deliveries/delivery-queue.repository.ts';
import { DeliverySender } from './deliveries/delivery-sender.ts';
import { DeliveryWorker } from './deliveries/delivery-worker.ts';
import { Dispatcher } from './deliveries/dispatcher.ts';
import { EventBacklogQuery } from './deliveries/event-backlog.query.ts';
import { EventMaintenanceJob } from './deliveries/event-maintenance.job.ts';
import { FanOut } from './deliveries/fan-out.ts';
import { Outbox } from './outbox/outbox.ts';
import {
  createSubscriberHttpClient,
  SubscriberHttpClient,
  toAddressRules,
} from './subscriptions/subscriber-http-client.ts';
import { SubscriberResolver } from './subscriptions/subscriber-resolver.ts';
import { SubscriberUrlValidator } from './subscriptions/subscriber-url-validator.ts';
import { SubscriptionRepository } from './subscriptions/subscription.repository.ts';
import { SubscriptionSecretRepository } from './subscriptions/subscription-secret.repository.ts';
import { SubscriptionTester } from './subscriptions/subscription-tester.ts';
import { SubscriptionUpdater } from './subscriptions/subscription-updater.ts';

/** Events for product services. Global, because other modules write them through `Outbox`. */
@Global()
@Module({
  providers: [
    {
      provide: SubscriberHttpClient,
      useFactory: (config: Config) => createSubscriberHttpClient(toAddressRules(config)),
      inject: [Config],
    },
    Outbox,
    SubscriberUrlValidator,
    DeliveryQueueRepository,
    DeliveryMetrics,
    AttemptRecorder,
    DeliveryRepository,
    Dispatcher,
    EventBacklogQuery,
    EventMaintenanceJob,
    FanOut,
    DeliveryWorker,
    DeliverySender,
    SubscriberResolver,
    SubscriptionUpdater,
    SubscriptionSecretRepository,
    SubscriptionRepository,
    SubscriptionTester,
  ],
  exports: [
    Outbox,
    SubscriberUrlValidator,
    DeliveryRepository,
    EventBacklogQuery,
    EventMaintenanceJob,
    SubscriptionUpdater,
    SubscriptionRepository,
    SubscriptionTester,
  ],
})
export class EventsModule {}
