import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { type PrivacyRequest, PrivacyRequestRepository } from './privacy-request.repository.ts';
import { PrivacyRequestProcessor } from './privacy-request-processor.ts';

const POLL_INTERVAL_MS = 60_000;
/** Younger ones are most likely being carried out by the call that brought them. */
const MINIMUM_AGE_SECONDS = 30;
const BATCH = 20;

/** Goes on with requests whose carrying out broke off. */
@Injectable()
export class PrivacyRequestResumeJob {
  #isRunning = false;

  constructor(
    private readonly requests: PrivacyRequestRepository,
    private readonly processor: PrivacyRequestProcessor,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** One that fails holds up no others. */
  @Interval('privacy-requests', POLL_INTERVAL_MS)
  async resumeUnfinished(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      const before = addSeconds(this.clock.now(), -MINIMUM_AGE_SECONDS);
      // Behind those that fail over and over others may wait.
      for (let last: PrivacyRequest | null | undefined = null; last !== undefined; ) {
        const some: PrivacyRequest[] = await this.requests.listUnfinished(before, BATCH, last);
        for (const request of some) await this.resume(request);
        last = some.length < BATCH ? undefined : some.at(-1);
      }
    } catch (error) {
      this.logger.error({ err: error }, 'unfinished requests could not be read; the next look tries again');
    } finally {
      this.#isRunning = false;
    }
  }

  private async resume(request: PrivacyRequest): Promise<void> {
    const { id } = request;
    try {
      await this.processor.execute(request);
      this.logger.info({ privacy_request_id: id }, 'an interrupted privacy request has been completed');
    } catch (error) {
      this.logger.error({ err: error, privacy_request_id: id }, 'a privacy request failed again');
    }
  }
}
