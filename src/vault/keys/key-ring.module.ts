import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { ChainMac } from '../../audit/chain/chain-mac.ts';
import { KeyHasher } from '../../auth/credentials/key-hasher.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import { Vault } from '../vault.ts';
import { KeyRing } from './key-ring.ts';

/** The opened key ring and what works with it: sealing, and the keyed hashes of the audit chain and of API keys. */
@Global()
@Module({})
export class KeyRingModule {
  static register(keyRing: KeyRing): DynamicModule {
    const providers: Provider[] = [
      { provide: KeyRing, useValue: keyRing },
      { provide: KeyHasher, useExisting: KeyRing },
      { provide: ChainMac, useExisting: KeyRing },
      {
        provide: Vault,
        useFactory: (ring: KeyRing, clock: Clock, ids: Ids, random: Random) => new Vault(ring, { clock, ids, random }),
        inject: [KeyRing, Clock, Ids, Random],
      },
    ];
    return { module: KeyRingModule, providers, exports: providers };
  }
}
