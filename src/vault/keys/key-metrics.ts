import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { LastKnown } from '../../database/last-known.ts';
import { KekRepository } from './kek.repository.ts';

/** Counting reads a whole index, so not every scrape of every replica may do it. */
const COUNT_TTL_MS = 15_000;
const MAX_LISTED_KEYS = 1_000;

/** Exports `metavault_data_keys`. */
@Injectable()
export class KeyMetrics {
  constructor(kekRepository: KekRepository, registry: Registry) {
    let countedAtMs = Number.NEGATIVE_INFINITY;
    const listed = new LastKnown(async () => {
      const keks = await kekRepository.list(MAX_LISTED_KEYS, null);
      countedAtMs = performance.now();
      return keks;
    }, []);
    new Gauge({
      name: 'metavault_data_keys',
      help: 'Data keys by the key-encryption key that wraps them and its state; all but those of the active one need a rewrap',
      labelNames: ['kek', 'state'],
      registers: [registry],
      async collect(): Promise<void> {
        if (performance.now() - countedAtMs < COUNT_TTL_MS) return;
        const keks = await listed.get();
        this.reset();
        for (const { id, state, data_keys } of keks) {
          if (state !== 'retired') this.set({ kek: id, state }, data_keys);
        }
      },
    });
  }
}
