import { Module } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { DeliveryRecords } from './deliveries/attempt-recorder.ts';
import { DeliveryStore } from './deliveries/delivery.repository.ts';
import { DeliveryMetrics } from './deliveries/delivery-metrics.ts';
import { DeliveryClaims } from './deliveries/delivery-queue.repository.ts';
import { SendDelivery } from './deliveries/delivery-sender.ts';
import { DeliveryWorker } from './deliveries/delivery-worker.ts';
import { Dispatcher } from './deliveries/dispatcher.ts';
import { EventBacklog } from './deliveries/event-backlog.query.ts';
import { EventUpkeep } from './deliveries/event-maintenance.job.ts';
import { FanOut } from './deliveries/fan-out.ts';
import { addressRules, openSubscriberHttp, SubscriberHttp } from './subscriptions/subscriber-http-client.ts';
import { Subscribers } from './subscriptions/subscriber-resolver.ts';
import { CheckSubscriberUrl } from './subscriptions/subscriber-url-validator.ts';
import { SubscriptionStore } from './subscriptions/subscription.repository.ts';
import { SubscriptionSecrets } from './subscriptions/subscription-secret.repository.ts';
import { TestSubscription } from './subscriptions/subscription-tester.ts';
import { SubscriptionChanges } from './subscriptions/subscription-updater.ts';

/** Events out to product services. Events come in through `Outbox`, which every room has; the routes stand in `access`. */
@Module({
  providers: [
    {
      provide: SubscriberHttp,
      useFactory: (config: Config) => openSubscriberHttp(addressRules(config)),
      inject: [Config],
    },
    CheckSubscriberUrl,
    DeliveryClaims,
    DeliveryMetrics,
    DeliveryRecords,
    DeliveryStore,
    Dispatcher,
    EventBacklog,
    EventUpkeep,
    FanOut,
    DeliveryWorker,
    SendDelivery,
    Subscribers,
    SubscriptionChanges,
    SubscriptionSecrets,
    SubscriptionStore,
    TestSubscription,
  ],
  exports: [
    CheckSubscriberUrl,
    DeliveryStore,
    EventBacklog,
    EventUpkeep,
    SubscriptionChanges,
    SubscriptionStore,
    TestSubscription,
  ],
})
export class EventsModule {}
