import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { DatabaseClock } from '../../database/database-clock.ts';

/** Exports `metavault_clock_skew_seconds`, which needs no statement. */
@Injectable()
export class ClockMonitor {
  constructor(clock: DatabaseClock, registry: Registry) {
    new Gauge({
      name: 'metavault_clock_skew_seconds',
      help: "How far this machine's clock is ahead of the database's.",
      registers: [registry],
      collect(): void {
        this.set(clock.localSkewMs() / 1000);
      },
    });
  }
}
