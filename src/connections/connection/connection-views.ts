import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { toActor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { Database } from '../../database/database.ts';
import { cacheSize } from '../../platform/cache-size.ts';
import { Clock } from '../../platform/clock.ts';
import type { ConnectionResponse } from './connection-response.dto.ts';

/** An open page reads its connection every few seconds, which counts as one view. */
const LOOK_MS = 5 * 60_000;
const MAX_LOOKS = 10_000;

/** Audits which connections people view in the console. Each replica counts views separately. */
@Injectable()
export class ConnectionViews {
  readonly #recordedAtMs = new LRUCache<string, number>(cacheSize(MAX_LOOKS));

  constructor(
    private readonly audit: AuditLog,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Resolves once the view is recorded: a person sees nothing without an entry in the record. */
  async record(client: AuthenticatedClient, { id, tenant, product }: ConnectionResponse): Promise<void> {
    const look = `${client.person?.sessionId} ${id}`;
    const now = this.clock.now().getTime();
    const recordedAtMs = this.#recordedAtMs.get(look);
    if (recordedAtMs !== undefined && now - recordedAtMs < LOOK_MS) return;
    const actor = toActor(client);
    await this.audit.record(this.database, { action: 'connection.viewed', actor, tenant, product, connectionId: id });
    this.#recordedAtMs.set(look, now);
  }
}
