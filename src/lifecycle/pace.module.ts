import { Global, Module } from '@nestjs/common';
import { UsageObserver } from '../meta/usage-observer.ts';
import { AppPace } from './app-pace.ts';
import { PaceStore } from './pace-store.ts';

/** Global, so that every call to Meta (MetaModule's, the gateway's) tells the pace what its answer says of the limits. */
@Global()
@Module({
  providers: [AppPace, PaceStore, { provide: UsageObserver, useExisting: AppPace }],
  exports: [AppPace, PaceStore, UsageObserver],
})
export class PaceModule {}
