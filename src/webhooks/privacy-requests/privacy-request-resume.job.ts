import { Inject, Injectable } from '@nestjs/common';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { WebhookEntryUsers } from '../webhook-entry-users.ts';
import type { PrivacyRequest, PrivacyRequestPage, PrivacyRequestPosition } from './privacy-request.repository.ts';
import { PrivacyRequestService } from './privacy-request.service.ts';
import { PrivacyRequestProcessor } from './privacy-request-processor.ts';

const POLL_INTERVAL_MS = 60_000;
/** Younger requests are probably still being processed by the call that brought them. */
const MINIMUM_AGE_SECONDS = 30;
const BATCH = 20;
/** For rows of earlier releases. */
const HASH_BATCH = 500;

/** Resumes interrupted requests. */
@Injectable()
export class PrivacyRequestResumeJob {
  constructor(
    jobs: JobScheduler,
    private readonly requests: PrivacyRequestService,
    private readonly processor: PrivacyRequestProcessor,
    private readonly users: WebhookEntryUsers,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    jobs.register({
      name: 'privacy-requests',
      schedule: { everyMs: POLL_INTERVAL_MS },
      run: async (signal) => {
        await this.resumeUnfinished(signal);
        await this.requests.hashEarlierReleases(HASH_BATCH);
        await this.users.hashEarlierReleases(HASH_BATCH);
      },
    });
  }

  /** A failing request does not hold up the others. */
  async resumeUnfinished(signal?: AbortSignal): Promise<void> {
    const before = addSeconds(this.clock.now(), -MINIMUM_AGE_SECONDS);
    // Page through all of them: the oldest may be those that always fail.
    let last: PrivacyRequestPosition | null = null;
    do {
      const page: PrivacyRequestPage = await this.requests.listUnfinished(before, BATCH, last);
      for (const request of page.requests) {
        if (signal?.aborted === true) return;
        await this.resume(request);
      }
      last = page.next;
    } while (last !== null);
  }

  private async resume(request: PrivacyRequest): Promise<void> {
    const { id } = request;
    try {
      await this.processor.execute(request);
      this.logger.info({ privacy_request_id: id }, 'completed an interrupted privacy request');
    } catch (error) {
      this.logger.error({ err: error, privacy_request_id: id }, 'a privacy request failed again');
    }
  }
}
