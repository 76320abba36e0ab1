import { Global, Module } from '@nestjs/common';
import { UsageObserver } from '../../meta/graph/usage-observer.ts';
import { PaceStore } from './app-rate-limit.repository.ts';
import { AppPace } from './app-rate-limiter.ts';

/** Global, so that every call to Meta (MetaModule's, the gateway's) tells the pace what its answer says of the limits. */
@Global()
@Module({
  providers: [AppPace, PaceStore, { provide: UsageObserver, useExisting: AppPace }],
  exports: [AppPace, PaceStore, UsageObserver],
})
export class PaceModule {}
