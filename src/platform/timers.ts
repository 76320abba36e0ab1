import { Injectable } from '@nestjs/common';

/** Timers that call back once. Tests replace them, so that a timeout takes no time. */
@Injectable()
export class Timers {
  /** Calls `onElapsed` after `ms`. Returns a function that prevents it. */
  start(ms: number, onElapsed: () => void): () => void {
    const timer = setTimeout(onElapsed, ms);
    return () => clearTimeout(timer);
  }
}
