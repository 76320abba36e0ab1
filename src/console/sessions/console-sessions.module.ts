import { Global, Module } from '@nestjs/common';
import { SessionAuthenticator } from '../../auth/session-authenticator.ts';
import { ConsoleSessionRepository } from './console-session.repository.ts';
import { ConsoleSessionAuthenticator } from './console-session-authenticator.ts';

/** Authenticates sessions. Global, because `auth` must not import it, and separate from what needs `auth` itself. */
@Global()
@Module({
  providers: [
    ConsoleSessionRepository,
    ConsoleSessionAuthenticator,
    { provide: SessionAuthenticator, useExisting: ConsoleSessionAuthenticator },
  ],
  exports: [ConsoleSessionRepository, SessionAuthenticator],
})
export class ConsoleSessionsModule {}
