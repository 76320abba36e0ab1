import { Module } from '@nestjs/common';
import { Config } from '../config/config.ts';
import { CheckSubscriberUrl } from './check-subscriber-url.ts';
import { DeliveryClaims } from './delivery-claims.ts';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { DeliveryRecords } from './delivery-records.ts';
import { DeliveryStore } from './delivery-store.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventBacklog } from './event-backlog.ts';
import { EventUpkeep } from './event-upkeep.ts';
import { FanOut } from './fan-out.ts';
import { DeliveryWorker } from './lane-worker.ts';
import { SendDelivery } from './send-delivery.ts';
import { addressRules, openSubscriberHttp, SubscriberHttp } from './subscriber-http.ts';
import { Subscribers } from './subscribers.ts';
import { SubscriptionChanges } from './subscription-changes.ts';
import { SubscriptionSecrets } from './subscription-secrets.ts';
import { SubscriptionStore } from './subscription-store.ts';
import { TestSubscription } from './test-subscription.ts';

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
