import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { requestVerificationOfRoots } from '../credentials/verification-request.repository.ts';
import type { ConnectionId } from '../ids.ts';

/** Reasons to inspect whether a connection still holds. The rows say so, and so any replica inspects, whatever becomes of this one. */
@Injectable()
export class VerificationRequests {
  constructor(private readonly clock: Clock) {}

  /** Makes the root credentials of these connections due for inspection; of active ones only, the others are known. How many. */
  async requestVerification(executor: SqlExecutor, connectionIds: readonly ConnectionId[]): Promise<number> {
    if (connectionIds.length === 0) return 0;
    return requestVerificationOfRoots(executor, connectionIds, this.clock.now());
  }
}
