import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.ts';
import { MetaModule } from '../meta/meta.module.ts';
import { BrowserController } from './browser.controller.ts';
import { ConnectSecrets } from './connect-secrets.ts';
import { ConnectSessionStore } from './connect-session-store.ts';
import { ConnectSessionsController } from './connect-sessions.controller.ts';
import { CreateSession } from './create-session.ts';
import { ImportController } from './import.controller.ts';
import { IntakeDesk } from './intake-desk.ts';
import { IntakeJourney } from './intake-journey.ts';
import { IntakeResumer } from './intake-resumer.ts';
import { MetaConfigController } from './meta-config.controller.ts';
import { OpenSession } from './open-session.ts';
import { PhoneNumbersController } from './phone-numbers.controller.ts';
import { ReceiveCallback } from './receive-callback.ts';
import { RedeemCode } from './redeem-code.ts';
import { RegisterPhoneNumber } from './register-phone-number.ts';
import { SessionRetention } from './session-retention.ts';
import { SignupController } from './signup.controller.ts';
import { TakeToken } from './take-token.ts';

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
