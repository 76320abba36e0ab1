import { Inject, Injectable } from '@nestjs/common';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { connectionNotFound } from '../connections/connection/connection-problems.ts';
import { ConnectionVisibility } from '../connections/connection/connection-visibility.ts';
import { ConnectionRevoker } from '../connections/revocation/connection-revoker.ts';
import { toAppError, toProblemDocument } from '../platform/http-server/problem.filter.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError, internalError } from '../platform/problem.ts';
import type { BulkRevocationResult } from './bulk-revocation.dto.ts';
import { toRevokedConnectionResponse } from './connection-actions.dto.ts';

/** Few at once: each is a transaction, and other work also needs database connections. */
const CONCURRENCY = 4;

/**
 * Revokes many connections here, at once. Does not wait for Meta: the job `provider-revocations` revokes the grants
 * there within a minute, because a hundred grants take longer than a request may.
 */
@Injectable()
export class BulkRevocationService {
  constructor(
    private readonly visibility: ConnectionVisibility,
    private readonly revoker: ConnectionRevoker,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Handles each connection independently; the results are in the order of the ids. */
  async revokeAll(
    client: AuthenticatedClient,
    ids: readonly string[],
    requestId: string,
  ): Promise<BulkRevocationResult[]> {
    const results: BulkRevocationResult[] = [];
    for (let first = 0; first < ids.length; first += CONCURRENCY) {
      const some = ids.slice(first, first + CONCURRENCY);
      results.push(...(await Promise.all(some.map((id) => this.attempt(client, id, requestId)))));
    }
    return results;
  }

  private async attempt(client: AuthenticatedClient, given: string, requestId: string): Promise<BulkRevocationResult> {
    try {
      const { id } = await this.visibility.getVisible(client, given);
      const revoked = await this.revoker.revoke(id, { actor: toActor(client), requestId, reason: 'api' });
      if (revoked === null) throw new AppError(connectionNotFound);
      return { connection: toRevokedConnectionResponse(revoked) };
    } catch (error) {
      const problem = toAppError(error);
      if (problem.type === internalError) this.logger.error({ err: error, request_id: requestId }, 'internal error');
      return { problem: toProblemDocument(problem, requestId) };
    }
  }
}
