import { Global, Module } from '@nestjs/common';
import { VersionObserver } from '../../meta/graph/version-observer.ts';
import { ServedVersionRecorder } from './served-version-recorder.ts';

/** Global: every call to Meta, by `MetaModule` or the gateway, reports the version served. */
@Global()
@Module({
  providers: [ServedVersionRecorder, { provide: VersionObserver, useExisting: ServedVersionRecorder }],
  exports: [VersionObserver],
})
export class VersionsModule {}
