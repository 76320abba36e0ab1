import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { AuditedObjects } from '../audit/audited-objects.ts';
import { Config } from '../config/config.ts';
import { DeliveriesController } from './deliveries/deliveries.controller.ts';
import { DeliveriesService } from './deliveries/deliveries.service.ts';
import { DeliveryRetention } from './deliveries/delivery-retention.ts';
import { EventBacklogQuery } from './deliveries/event-backlog.query.ts';
import { SubscriptionDeliveriesController } from './deliveries/subscription-deliveries.controller.ts';
import { AttemptRecorder } from './dispatch/attempt-recorder.ts';
import { DeliveryMetrics } from './dispatch/delivery-metrics.ts';
import { DeliveryWorker } from './dispatch/delivery-worker.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { FanOut } from './dispatch/fan-out.ts';
import { ClearEventSealer } from './outbox/clear-event-sealer.ts';
import { EventContents } from './outbox/event-contents.ts';
import { EventPayloadsJob } from './outbox/event-payloads.job.ts';
import { Outbox } from './outbox/outbox.ts';
import { PayloadRetention } from './outbox/payload-retention.ts';
import { TenantPayloads } from './outbox/tenant-payloads.ts';
import { QueueClaimer } from './queue/queue-claimer.ts';
import { EventSchemasController } from './schemas/event-schemas.controller.ts';
import { DeliverySender } from './subscribers/delivery-sender.ts';
import {
  createSubscriberHttpClient,
  SubscriberHttpClient,
  toAddressRules,
} from './subscribers/subscriber-http-client.ts';
import { SubscriberUrlValidator } from './subscribers/subscriber-url-validator.ts';
import { AUDITED_SUBSCRIPTIONS } from './subscriptions/audited-subscriptions.query.ts';
import { SubscriberResolver } from './subscriptions/subscriber-resolver.ts';
import { SubscriptionRepository } from './subscriptions/subscription.repository.ts';
import { SubscriptionMaintenanceJob } from './subscriptions/subscription-maintenance.job.ts';
import { SubscriptionSecretService } from './subscriptions/subscription-secret.service.ts';
import { SubscriptionTester } from './subscriptions/subscription-tester.ts';
import { SubscriptionUpdater } from './subscriptions/subscription-updater.ts';
import { SubscriptionsController } from './subscriptions/subscriptions.controller.ts';
import { SubscriptionsService } from './subscriptions/subscriptions.service.ts';

/** Events for product services, with subscriptions and deliveries. Other modules write events through `Outbox`. */
@Global()
@Module({
  controllers: [
    SubscriptionsController,
    SubscriptionDeliveriesController,
    DeliveriesController,
    EventSchemasController,
  ],
  providers: [
    {
      provide: SubscriberHttpClient,
      useFactory: (config: Config) => createSubscriberHttpClient(toAddressRules(config)),
      inject: [Config],
    },
    Outbox,
    SubscriptionRepository,
    EventContents,
    ClearEventSealer,
    EventPayloadsJob,
    PayloadRetention,
    TenantPayloads,
    SubscriberUrlValidator,
    QueueClaimer,
    DeliveryMetrics,
    AttemptRecorder,
    DeliveriesService,
    Dispatcher,
    EventBacklogQuery,
    SubscriptionMaintenanceJob,
    DeliveryRetention,
    FanOut,
    DeliveryWorker,
    DeliverySender,
    SubscriberResolver,
    SubscriptionUpdater,
    SubscriptionSecretService,
    SubscriptionsService,
    SubscriptionTester,
  ],
  exports: [
    Outbox,
    SubscriberUrlValidator,
    DeliveriesService,
    EventBacklogQuery,
    SubscriptionsService,
    SubscriptionUpdater,
    TenantPayloads,
  ],
})
export class EventsModule implements OnModuleInit {
  constructor(private readonly audited: AuditedObjects) {}

  onModuleInit(): void {
    this.audited.register(AUDITED_SUBSCRIPTIONS);
  }
}
