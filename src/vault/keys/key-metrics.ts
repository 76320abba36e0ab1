import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { LastKnown } from '../../database/last-known.ts';
import { Clock } from '../../platform/clock.ts';
import { KekRepository, type KekRow } from './kek.repository.ts';

/** Counting reads a whole index, so not every scrape of every replica may do it. */
const COUNT_TTL_MS = 15_000;
const MAX_LISTED_KEYS = 1_000;

/** Exports `metavault_data_keys` and `metavault_active_key_age_seconds`. */
@Injectable()
export class KeyMetrics {
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #keks: readonly KekRow[] = [];
  readonly #counted = new LastKnown<void>(() => this.count(), undefined);

  constructor(
    private readonly kekRepository: KekRepository,
    clock: Clock,
    registry: Registry,
  ) {
    const registers = [registry];
    const list = (): Promise<readonly KekRow[]> => this.list();
    new Gauge({
      name: 'metavault_data_keys',
      help: 'Data keys by the key-encryption key that wraps them and its state; all but those of the active one need a rewrap',
      labelNames: ['kek', 'state'],
      registers,
      async collect(): Promise<void> {
        const keks = await list();
        this.reset();
        for (const { id, state, data_keys } of keks) {
          if (state !== 'retired') this.set({ kek: id, state }, data_keys);
        }
      },
    });
    const age = new Gauge({
      name: 'metavault_active_key_age_seconds',
      help: 'Age of the active key-encryption key; missing if never read',
      registers,
      async collect(): Promise<void> {
        const active = (await list()).find(({ state }) => state === 'active');
        if (active !== undefined) this.set((clock.now().getTime() - active.created_at.getTime()) / 1_000);
      },
    });
    age.remove();
  }

  /** Returns the last count; counts at most every 15 seconds. */
  private async list(): Promise<readonly KekRow[]> {
    if (performance.now() - this.#countedAtMs >= COUNT_TTL_MS) await this.#counted.get();
    return this.#keks;
  }

  private async count(): Promise<void> {
    this.#keks = await this.kekRepository.list(MAX_LISTED_KEYS, null);
    this.#countedAtMs = performance.now();
  }
}
