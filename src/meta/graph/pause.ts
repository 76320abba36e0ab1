import { setTimeout as wait } from 'node:timers/promises';

/** Waits between tries. Tests replace it. */
export abstract class Pause {
  /** Resolves after `milliseconds`, or rejects when `signal` aborts. */
  abstract wait(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export class TimerPause extends Pause {
  override async wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await wait(milliseconds, undefined, signal === undefined ? {} : { signal });
  }
}
