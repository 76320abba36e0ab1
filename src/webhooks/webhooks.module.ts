import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { AssetInspection } from './asset-inspection.ts';
import { CarryOutRequest } from './carry-out-request.ts';
import { DataDeletionController } from './data-deletion.controller.ts';
import { PersonRequestStore } from './person-request-store.ts';
import { PromptInspection } from './prompt-inspection.ts';
import { Rejections } from './rejections.ts';
import { RequestResumer } from './request-resumer.ts';
import { SignedRequestsController } from './signed-requests.controller.ts';
import { StoreWebhook } from './store-webhook.ts';
import { WebhookMetrics } from './webhook-metrics.ts';
import { WebhookRetention } from './webhook-retention.ts';
import { WebhooksController } from './webhooks.controller.ts';

/** What Meta tells us of its own accord. */
@Module({
  imports: [ConnectionsModule, LifecycleModule, MetaModule],
  controllers: [WebhooksController, SignedRequestsController, DataDeletionController],
  providers: [
    AssetInspection,
    CarryOutRequest,
    PersonRequestStore,
    PromptInspection,
    Rejections,
    RequestResumer,
    StoreWebhook,
    WebhookMetrics,
    WebhookRetention,
  ],
})
export class WebhooksModule {}
