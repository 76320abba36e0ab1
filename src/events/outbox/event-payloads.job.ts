import { Injectable } from '@nestjs/common';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { PayloadVault } from '../../vault/payloads/payload-vault.ts';
import { ClearEventSealer } from './clear-event-sealer.ts';
import { PayloadRetention } from './payload-retention.ts';

const POLL_INTERVAL_MS = 60_000;
/** Per transaction: locks rows for only a few milliseconds. */
const BATCH = 200;

/** Seals data that earlier releases stored in the clear and deletes payloads no longer needed. */
@Injectable()
export class EventPayloadsJob {
  constructor(
    jobs: JobScheduler,
    private readonly sealer: ClearEventSealer,
    private readonly retention: PayloadRetention,
    private readonly payloads: PayloadVault,
  ) {
    jobs.register({
      name: 'event-payloads',
      schedule: { everyMs: POLL_INTERVAL_MS },
      run: (signal) => this.run(signal),
    });
  }

  /** Does all pending work unless aborted. */
  async run(signal?: AbortSignal): Promise<void> {
    this.payloads.forgetOld();
    await runInBatches(() => this.sealer.sealNext(BATCH), signal);
    await runInBatches(() => this.retention.dropNextDelivered(BATCH), signal);
  }
}

async function runInBatches(runBatch: () => Promise<number>, signal: AbortSignal | undefined): Promise<void> {
  let done = BATCH;
  while (done === BATCH && signal?.aborted !== true) done = await runBatch();
}
