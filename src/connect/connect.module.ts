import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { IntakeJourney } from './authorization/authorization-pipeline.ts';
import { IntakeResumer } from './authorization/authorization-resume.job.ts';
import { RedeemCode } from './authorization/code-redeemer.ts';
import { ImportController } from './authorization/import.controller.ts';
import { IntakeDesk } from './authorization/pending-authorization.service.ts';
import { TakeToken } from './authorization/supplied-token.service.ts';
import { BrowserController } from './browser/browser.controller.ts';
import { ReceiveCallback } from './browser/callback.service.ts';
import { OpenSession } from './browser/connect-link.service.ts';
import { SignupController } from './browser/signup.controller.ts';
import { MetaConfigController } from './meta-config.controller.ts';
import { RegisterPhoneNumber } from './phone-numbers/phone-number-registrar.ts';
import { PhoneNumbersController } from './phone-numbers/phone-numbers.controller.ts';
import { ConnectSecrets } from './sessions/connect-secrets.ts';
import { ConnectSessionStore } from './sessions/connect-session.repository.ts';
import { CreateSession } from './sessions/connect-session.service.ts';
import { ConnectSessionsController } from './sessions/connect-sessions.controller.ts';
import { SessionRetention } from './sessions/session-retention.job.ts';

/** How a connection comes to be. */
@Module({
  imports: [ConnectionsModule, MetaModule],
  controllers: [
    ConnectSessionsController,
    BrowserController,
    SignupController,
    ImportController,
    MetaConfigController,
    PhoneNumbersController,
  ],
  providers: [
    ConnectSecrets,
    ConnectSessionStore,
    CreateSession,
    IntakeDesk,
    IntakeJourney,
    IntakeResumer,
    OpenSession,
    ReceiveCallback,
    RedeemCode,
    RegisterPhoneNumber,
    SessionRetention,
    TakeToken,
  ],
  exports: [CreateSession, IntakeResumer, TakeToken],
})
export class ConnectModule {}
