import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { countClientsLosingKey } from '../auth/client-key.repository.ts';
import { Database } from '../database/database.ts';
import { LastKnown } from '../database/last-known.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';

const WARNING_SECONDS = 14 * DAY_SECONDS;

/** Exports `metavault_clients_losing_their_key`. */
@Injectable()
export class ClientKeyMetrics {
  constructor(
    registry: Registry,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    const count = new LastKnown(() => this.countClientsLosingKey(), -1);
    new Gauge({
      name: 'metavault_clients_losing_their_key',
      help: 'Clients whose last key expires within 14 days (GET /v1/clients), as last read; -1 if never read',
      registers: [registry],
      async collect(): Promise<void> {
        this.set(await count.get());
      },
    });
  }

  countClientsLosingKey(): Promise<number> {
    const now = this.clock.now();
    return countClientsLosingKey(this.database, now, addSeconds(now, WARNING_SECONDS));
  }
}
