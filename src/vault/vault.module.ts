import { Module } from '@nestjs/common';
import { KekRepository } from './keys/kek.repository.ts';
import { KeyAdministrationService } from './keys/key-administration.service.ts';
import { KeyMetrics } from './keys/key-metrics.ts';
import { KeyRewrap } from './keys/key-rewrap.ts';
import { KeyRingReloadJob } from './keys/key-ring-reload.job.ts';
import { KeysController } from './keys/keys.controller.ts';
import { RewrapJob } from './keys/rewrap.job.ts';
import { RewrapWorker } from './keys/rewrap-worker.ts';

/** The key-encryption keys and their routes. `Vault` and `KeyRing` themselves are opened before the application starts. */
@Module({
  controllers: [KeysController],
  providers: [
    KekRepository,
    KeyAdministrationService,
    KeyMetrics,
    KeyRewrap,
    KeyRingReloadJob,
    RewrapJob,
    RewrapWorker,
  ],
})
export class VaultModule {}
