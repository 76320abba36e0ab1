import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from './auth.guard.ts';
import { AuthenticationService } from './authentication.service.ts';
import { ClientResolver } from './client-resolver.ts';
import { JwtVerifier } from './credentials/jwt-verifier.ts';
import { FreshSignIn } from './fresh-sign-in.ts';
import { LastUseRecorder } from './last-use-recorder.ts';
import { ClientRateLimiter } from './limits/client-rate-limiter.ts';
import { FailedAttemptLimiter } from './limits/failed-attempt-limiter.ts';
import { SharedLimits } from './limits/shared-limits.ts';
import { OperatorAccess } from './operator-access.ts';
import { PolicyViolationFilter } from './policy/policy-violation.filter.ts';
import { PolicyViolations } from './policy/policy-violations.ts';
import { RefusalCounter } from './refusal-counter.ts';

/** Authentication and the global guard. The composition root binds `RefusalListener` and `KeyHasher`. */
@Module({
  providers: [
    { provide: APP_GUARD, useClass: AuthGuard },
    AuthenticationService,
    ClientResolver,
    ClientRateLimiter,
    FailedAttemptLimiter,
    FreshSignIn,
    JwtVerifier,
    LastUseRecorder,
    OperatorAccess,
    PolicyViolationFilter,
    PolicyViolations,
    RefusalCounter,
    SharedLimits,
  ],
  exports: [AuthenticationService, FailedAttemptLimiter, OperatorAccess, PolicyViolationFilter, PolicyViolations],
})
export class AuthModule {}
