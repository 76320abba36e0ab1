import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { AppCallbacksController } from './app-callbacks.controller.ts';
import { DataDeletionController } from './privacy-requests/data-deletion.controller.ts';
import { PrivacyRequestRepository } from './privacy-requests/privacy-request.repository.ts';
import { PrivacyRequestService } from './privacy-requests/privacy-request.service.ts';
import { PrivacyRequestProcessor } from './privacy-requests/privacy-request-processor.ts';
import { PrivacyRequestResumeJob } from './privacy-requests/privacy-request-resume.job.ts';
import { SignedRequestReceiver } from './privacy-requests/signed-request-receiver.ts';
import { SignedRequestsController } from './privacy-requests/signed-requests.controller.ts';
import { SignatureRejections } from './signature-rejections.ts';
import { WebhookEntryUsers } from './webhook-entry-users.ts';
import { WebhookIngestService } from './webhook-ingest.service.ts';
import { WebhookMetrics } from './webhook-metrics.ts';
import { WebhookReceiver } from './webhook-receiver.ts';
import { WebhookRetention } from './webhook-retention.ts';
import { WebhooksController } from './webhooks.controller.ts';

/** Receives what Meta sends unprompted: events, and requests on behalf of users. */
@Module({
  imports: [ConnectionsModule, LifecycleModule, MetaModule],
  controllers: [WebhooksController, SignedRequestsController, DataDeletionController, AppCallbacksController],
  providers: [
    PrivacyRequestProcessor,
    PrivacyRequestRepository,
    PrivacyRequestService,
    SignatureRejections,
    SignedRequestReceiver,
    PrivacyRequestResumeJob,
    WebhookEntryUsers,
    WebhookIngestService,
    WebhookMetrics,
    WebhookReceiver,
    WebhookRetention,
  ],
})
export class WebhooksModule {}
