import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { ManualRefreshService } from '../../lifecycle/refresh/manual-refresh.service.ts';
import { RediscoveryService } from './rediscovery.service.ts';

/** Checks a whole connection on request: its tokens first, then their assets. */
@Injectable()
export class ConnectionCheckService {
  constructor(
    private readonly manualRefresh: ManualRefreshService,
    private readonly rediscovery: RediscoveryService,
  ) {}

  /** Failures are shown on the connection; Meta's refusals and outages don't throw. */
  async check(connectionId: ConnectionId, by: { actor: Actor; requestId: string | null }): Promise<void> {
    await this.manualRefresh.check(connectionId);
    await this.rediscovery.look(connectionId, 'forced', by);
  }
}
