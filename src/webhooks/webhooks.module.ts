import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { AssetInspection } from '../lifecycle/inspection/asset-inspection.service.ts';
import { PromptInspection } from '../lifecycle/inspection/immediate-inspection.service.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { DataDeletionController } from './privacy-requests/data-deletion.controller.ts';
import { PersonRequestStore } from './privacy-requests/privacy-request.repository.ts';
import { CarryOutRequest } from './privacy-requests/privacy-request-processor.ts';
import { RequestResumer } from './privacy-requests/privacy-request-resume.job.ts';
import { SignedRequestsController } from './privacy-requests/signed-requests.controller.ts';
import { Rejections } from './signature-rejections.ts';
import { StoreWebhook } from './webhook-ingest.service.ts';
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
