import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Gauge, Registry } from 'prom-client';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { KekRepository } from './kek.repository.ts';
import { RewrapWorker } from './rewrap-worker.ts';

const TICK_MS = 2_000;
/** Counting data keys reads an index whole: not for each scrape of each replica. */
const COUNT_TTL_MS = 15_000;
const MAX_LISTED_KEYS = 1_000;

/** Takes part in a rewrap that any replica was asked for, and shows how many data keys are under which KEK. */
@Injectable()
export class RewrapJob implements OnApplicationShutdown {
  #stopping = false;
  #running: Promise<void> | null = null;

  constructor(
    private readonly worker: RewrapWorker,
    kekRepository: KekRepository,
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
  ) {
    let countedAt = Number.NEGATIVE_INFINITY;
    new Gauge({
      name: 'metavault_data_keys',
      help: 'Data keys by the key-encryption key that wraps them, and its state; those not under the active one remain to be rewrapped',
      labelNames: ['kek', 'state'],
      registers: [registry],
      async collect(): Promise<void> {
        if (performance.now() - countedAt < COUNT_TTL_MS) return;
        const keks = await kekRepository.list(MAX_LISTED_KEYS, null).catch(() => null);
        if (keks === null) return;
        countedAt = performance.now();
        this.reset();
        for (const { id, state, data_keys } of keks) {
          if (state !== 'retired') this.set({ kek: id, state }, data_keys);
        }
      },
    });
  }

  @Interval('key-rewrap', TICK_MS)
  async tick(): Promise<void> {
    if (this.#stopping || this.#running !== null) return;
    this.#running = this.worker
      .runOnce(() => this.#stopping)
      .catch((error: unknown) =>
        this.logger.error({ err: error }, 'the rewrap was interrupted; the next run continues'),
      );
    await this.#running;
    this.#running = null;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }
}
