import { type DynamicModule, Global, Module, type OnModuleInit, type Provider } from '@nestjs/common';
import { AuditedObjects } from '../audit/audited-objects.ts';
import { ChainMac } from '../audit/chain/chain-mac.ts';
import { KeyHasher } from '../auth/credentials/key-hasher.ts';
import { RowMac } from '../database/row-mac.ts';
import { Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { Random } from '../platform/random.ts';
import { AUDITED_KEYS } from './keys/audited-keys.query.ts';
import { KekRepository } from './keys/kek.repository.ts';
import { KeyAdministrationService } from './keys/key-administration.service.ts';
import { KeyMetrics } from './keys/key-metrics.ts';
import { KeyRewrap } from './keys/key-rewrap.ts';
import { KeyRing } from './keys/key-ring.ts';
import { KeyRingReloadJob } from './keys/key-ring-reload.job.ts';
import { KeysController } from './keys/keys.controller.ts';
import { RevivedKeyAlert } from './keys/revived-key-alert.ts';
import { RewrapJob } from './keys/rewrap.job.ts';
import { RewrapWorker } from './keys/rewrap-worker.ts';
import { LoggedTenants } from './logged-tenants.ts';
import { PayloadKeys } from './payloads/payload-keys.ts';
import { PayloadVault } from './payloads/payload-vault.ts';
import { Vault } from './vault.ts';

/**
 * Sealing, keyed hashes (audit chain, row MACs, API keys) and key administration. Global, because many modules use it.
 */
@Global()
@Module({
  controllers: [KeysController],
  providers: [
    KekRepository,
    KeyAdministrationService,
    KeyMetrics,
    KeyRewrap,
    KeyRingReloadJob,
    LoggedTenants,
    PayloadKeys,
    PayloadVault,
    RevivedKeyAlert,
    RewrapJob,
    RewrapWorker,
  ],
  exports: [LoggedTenants, PayloadVault],
})
export class VaultModule implements OnModuleInit {
  constructor(private readonly audited: AuditedObjects) {}

  onModuleInit(): void {
    this.audited.register(AUDITED_KEYS);
  }

  /** `keyRing` is opened before the application starts, so that a wrong root key produces a clear message. */
  static register(keyRing: KeyRing): DynamicModule {
    const shared: Provider[] = [
      { provide: KeyRing, useValue: keyRing },
      { provide: KeyHasher, useExisting: KeyRing },
      { provide: ChainMac, useExisting: KeyRing },
      { provide: RowMac, useExisting: KeyRing },
      {
        provide: Vault,
        useFactory: (ring: KeyRing, clock: Clock, ids: Ids, random: Random) => new Vault(ring, { clock, ids, random }),
        inject: [KeyRing, Clock, Ids, Random],
      },
    ];
    return { module: VaultModule, providers: shared, exports: shared };
  }
}
