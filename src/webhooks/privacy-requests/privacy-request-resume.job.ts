import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { type PersonRequest, PersonRequestStore } from './privacy-request.repository.ts';
import { CarryOutRequest } from './privacy-request-processor.ts';

const LOOK_EACH_MS = 60_000;
/** Younger ones are most likely being carried out by the call that brought them. */
const MINIMUM_AGE_SECONDS = 30;
const BATCH = 20;

/** Goes on with requests whose carrying out broke off. */
@Injectable()
export class RequestResumer {
  #isUnderWay = false;

  constructor(
    private readonly requests: PersonRequestStore,
    private readonly work: CarryOutRequest,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** One that fails holds up no others. */
  @Interval('person-requests', LOOK_EACH_MS)
  async look(): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    try {
      const before = addSeconds(this.clock.now(), -MINIMUM_AGE_SECONDS);
      // Behind those that fail over and over others may wait.
      for (let last: PersonRequest | null | undefined = null; last !== undefined; ) {
        const some: PersonRequest[] = await this.requests.unfinished(before, BATCH, last);
        for (const request of some) await this.resume(request);
        last = some.length < BATCH ? undefined : some.at(-1);
      }
    } catch (error) {
      this.logger.error({ err: error }, 'unfinished requests could not be read; the next look tries again');
    } finally {
      this.#isUnderWay = false;
    }
  }

  private async resume(request: PersonRequest): Promise<void> {
    const { id } = request;
    try {
      await this.work.carryOut(request);
      this.logger.info({ person_request_id: id }, 'a request of a person that broke off has been carried out');
    } catch (error) {
      this.logger.error({ err: error, person_request_id: id }, 'a request of a person broke again');
    }
  }
}
