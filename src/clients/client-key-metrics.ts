import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { countClientsLosingKey } from '../auth/client-key.repository.ts';
import { Database } from '../database/database.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';

const WARNING_SECONDS = 14 * DAY_SECONDS;

/** Warns of clients that will soon have no valid key: `metavault_clients_losing_their_key`. */
@Injectable()
export class ClientKeyMetrics {
  constructor(
    registry: Registry,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    const count = () => this.countClientsLosingKey().catch(() => -1);
    new Gauge({
      name: 'metavault_clients_losing_their_key',
      help: 'Clients whose last key runs out within 14 days; -1 if the database is unavailable. GET /v1/clients shows which.',
      registers: [registry],
      async collect(): Promise<void> {
        this.set(await count());
      },
    });
  }

  /** Clients that have a key now, and none in 14 days. */
  countClientsLosingKey(): Promise<number> {
    const now = this.clock.now();
    return countClientsLosingKey(this.database, now, addSeconds(now, WARNING_SECONDS));
  }
}
