import { Module, type OnModuleInit } from '@nestjs/common';
import { AnnouncedAccountService } from '../connections/announced-accounts/announced-account.service.ts';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { RetentionService } from '../database/retention.service.ts';
import { LifecycleModule } from '../lifecycle/lifecycle.module.ts';
import { RateLimitModule } from '../lifecycle/rate-limit/rate-limit.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { AuthorizationPipeline } from './authorization/authorization-pipeline.ts';
import { AuthorizationResumeJob } from './authorization/authorization-resume.job.ts';
import { CodeRedeemer } from './authorization/code-redeemer.ts';
import { ImportController } from './authorization/import.controller.ts';
import { PendingAuthorizationService } from './authorization/pending-authorization.service.ts';
import { SuppliedTokenService } from './authorization/supplied-token.service.ts';
import { AttemptSigner } from './browser/attempt-signer.ts';
import { BrowserController } from './browser/browser.controller.ts';
import { BrowserAttempts } from './browser/browser-attempts.ts';
import { BrowserResponder } from './browser/browser-responder.ts';
import { CallbackService } from './browser/callback.service.ts';
import { ConnectLinkService } from './browser/connect-link.service.ts';
import { SignupController } from './browser/signup.controller.ts';
import { ConnectAttemptRepository } from './connect-attempt.repository.ts';
import { ConnectSessionRepository } from './connect-session.repository.ts';
import { MetaConfigController } from './meta-config.controller.ts';
import { PhoneNumberRegistrar } from './phone-numbers/phone-number-registrar.ts';
import { PhoneNumberSynchronizer } from './phone-numbers/phone-number-synchronizer.ts';
import { PhoneNumbersController } from './phone-numbers/phone-numbers.controller.ts';
import { SynchronizationNoticeJob } from './phone-numbers/synchronization-notice.job.ts';
import { ConnectionCheckController } from './rediscovery/connection-check.controller.ts';
import { ConnectionCheckService } from './rediscovery/connection-check.service.ts';
import { RediscoveryService } from './rediscovery/rediscovery.service.ts';
import { ConnectSecrets } from './sessions/connect-secrets.ts';
import { ConnectSessionService } from './sessions/connect-session.service.ts';
import { ConnectSessionsController } from './sessions/connect-sessions.controller.ts';
import { UnfinishedSignupJob } from './unfinished/unfinished-signup.job.ts';

/** How connections are created. */
@Module({
  imports: [ConnectionsModule, MetaModule, LifecycleModule, RateLimitModule],
  controllers: [
    ConnectSessionsController,
    BrowserController,
    SignupController,
    ImportController,
    MetaConfigController,
    PhoneNumbersController,
    ConnectionCheckController,
  ],
  providers: [
    ConnectSecrets,
    ConnectSessionRepository,
    ConnectAttemptRepository,
    ConnectSessionService,
    PendingAuthorizationService,
    AuthorizationPipeline,
    AuthorizationResumeJob,
    AttemptSigner,
    BrowserAttempts,
    BrowserResponder,
    ConnectLinkService,
    CallbackService,
    CodeRedeemer,
    PhoneNumberRegistrar,
    PhoneNumberSynchronizer,
    SynchronizationNoticeJob,
    SuppliedTokenService,
    RediscoveryService,
    ConnectionCheckService,
    UnfinishedSignupJob,
  ],
  exports: [SuppliedTokenService],
})
export class ConnectModule implements OnModuleInit {
  constructor(
    private readonly retention: RetentionService,
    private readonly sessions: ConnectSessionRepository,
    private readonly announcedAccounts: AnnouncedAccountService,
  ) {}

  /** Removes sessions and their attempts RETENTION_DAYS after they expire. The audit log keeps their results. */
  onModuleInit(): void {
    this.retention.register('connect sessions', (before, limit) => this.sessions.removeExpiredBefore(before, limit));
    this.retention.register('announced accounts', (before, limit) =>
      this.announcedAccounts.removeDecidedBefore(before, limit),
    );
  }
}
