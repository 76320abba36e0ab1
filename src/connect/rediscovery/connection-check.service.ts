import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { ManualRefreshService } from '../../lifecycle/refresh/manual-refresh.service.ts';
import { RediscoveryService } from './rediscovery.service.ts';

/** Looks at a whole connection because somebody asks: first at its tokens, then at what they reach. */
@Injectable()
export class ConnectionCheckService {
  constructor(
    private readonly manualRefresh: ManualRefreshService,
    private readonly rediscovery: RediscoveryService,
  ) {}

  /** What failed stands on the connection; nothing is thrown for reasons of Meta's. */
  async check(connectionId: ConnectionId, by: { actor: Actor; requestId: string | null }): Promise<void> {
    await this.manualRefresh.check(connectionId);
    await this.rediscovery.look(connectionId, 'forced', by);
  }
}
