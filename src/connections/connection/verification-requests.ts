import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';

/** Reasons to look whether a connection still holds. The rows say so, and so any replica looks, whatever becomes of this one. */
@Injectable()
export class VerificationRequests {
  constructor(private readonly clock: Clock) {}

  /** Makes the root credentials of these connections due for inspection; of active ones only, the others are known. How many. */
  async requestVerification(sql: SqlExecutor, connectionIds: readonly string[]): Promise<number> {
    if (connectionIds.length === 0) return 0;
    return sql.run({
      name: 'request_verification',
      text: `UPDATE credential c SET check_due_at = $2, health = 'unknown', updated_at = $2 FROM connection n
        WHERE c.connection_id = ANY ($1) AND c.is_root AND n.id = c.connection_id AND n.status = 'active'`,
      values: [connectionIds, this.clock.now()],
    });
  }
}
