import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { requestVerificationOfRoots } from '../credentials/verification-request.repository.ts';
import type { ConnectionId } from '../ids.ts';

/** Requests inspections of connections. Stored in the database, so that any replica can inspect. */
@Injectable()
export class VerificationRequests {
  constructor(private readonly clock: Clock) {}

  /** Makes the root credentials of these connections due for inspection if active. Returns how many. */
  async requestVerification(executor: SqlExecutor, connectionIds: readonly ConnectionId[]): Promise<number> {
    if (connectionIds.length === 0) return 0;
    return requestVerificationOfRoots(executor, connectionIds, this.clock.now());
  }
}
