import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.ts';
import { ConsoleRetention } from './console-retention.ts';
import { ConsoleSiteController } from './console-site.controller.ts';
import { ConsoleSite } from './console-site.ts';
import { SignInLinkRepository } from './links/sign-in-link.repository.ts';
import { SignInLinks } from './links/sign-in-links.service.ts';
import { OpenIdController } from './openid/openid.controller.ts';
import { OpenIdSignIn } from './openid/openid.service.ts';
import { OpenIdProvider } from './openid/openid-provider.ts';
import { SignInAttempts } from './openid/sign-in-attempt.ts';
import { ConsoleSessionsController } from './sessions/console-sessions.controller.ts';
import { ConsoleSessions } from './sessions/console-sessions.service.ts';
import { SignInController } from './sign-in/sign-in.controller.ts';
import { SignInService } from './sign-in/sign-in.service.ts';

/** The server side of the admins' site: sign-in, sessions, and the site's files. */
@Module({
  imports: [AuthModule],
  // The site serves every path below /console that no other controller has.
  controllers: [SignInController, ConsoleSessionsController, OpenIdController, ConsoleSiteController],
  providers: [
    ConsoleRetention,
    ConsoleSessions,
    ConsoleSite,
    OpenIdProvider,
    OpenIdSignIn,
    SignInAttempts,
    SignInLinkRepository,
    SignInLinks,
    SignInService,
  ],
})
export class ConsoleModule {}
