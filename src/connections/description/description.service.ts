import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { AppError, invalidInputError } from '../../platform/problem.ts';
import { connectionNotFound } from '../connection/connection-problems.ts';
import type { ConnectionId } from '../ids.ts';
import { lockDescription, updateDescription } from './description.repository.ts';
import { type DescriptionPatch, MAX_METADATA_PAIRS, patchDescription } from './description.ts';

/** Changes what a product calls a connection. */
@Injectable()
export class DescriptionService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Applies a merge patch. The audit entry names what changed, never the values: it can't be erased. Writes nothing if
   * nothing changes. Throws 400 if too many pairs would be left.
   */
  async patch(
    id: ConnectionId,
    patch: DescriptionPatch,
    by: { actor: Actor; requestId: string | null },
  ): Promise<void> {
    await this.database.transaction(async (tx) => {
      const current = await lockDescription(tx, id);
      if (current === null) throw new AppError(connectionNotFound);
      const { tenant, product, ...before } = current;
      const after = patchDescription(before, patch);
      if (Object.keys(after.metadata).length > MAX_METADATA_PAIRS)
        throw invalidInputError('metadata', `would have more than ${MAX_METADATA_PAIRS} pairs`);
      const changed = (['reference', 'metadata'] as const).filter(
        (field) => !isDeepStrictEqual(before[field], after[field]),
      );
      if (changed.length === 0) return;
      await updateDescription(tx, id, after, this.clock.now());
      const of = { tenant, product, connectionId: id };
      await this.audit.record(tx, { ...by, ...of, action: 'connection.described', details: { changed } });
    });
  }
}
