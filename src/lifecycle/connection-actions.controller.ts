import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { actorOf } from '../audit/actor.ts';
import type { Caller } from '../auth/authenticated-client.ts';
import { CurrentCaller, RequestId, Roles } from '../auth/decorators.ts';
import { covers, requireCovered, visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import { ConnectionReader } from '../connections/connection/connection.repository.ts';
import { connectionNotFound, connectionRevoked } from '../connections/connection/connection-problems.ts';
import type { ConnectionView } from '../connections/connection/connection-response.dto.ts';
import { ListConnectionsQuery } from '../connections/connection/list-connections.dto.ts';
import { RevokeConnection } from '../connections/revocation/connection-revoker.ts';
import { isId } from '../platform/ids.ts';
import { decodeCursor, type Page } from '../platform/paging.ts';
import { AppError } from '../platform/problem.ts';
import { RevokeAtMeta } from './provider-revocation.service.ts';
import { WorkOnConnection } from './refresh/manual-refresh.service.ts';

export interface RevokedAnswer {
  id: string;
  status: 'revoked';
  revoked_at: string;
  leases_revoked: number;
  provider_revocation: string;
}

/** Connections as clients see them, and what admins do with them (CONTRACT 5). */
@ApiTags('connections')
@ApiBearerAuth('bearer')
@Controller('v1/connections')
export class ConnectionsController {
  constructor(
    private readonly reader: ConnectionReader,
    private readonly revocation: RevokeConnection,
    private readonly revokeAtMeta: RevokeAtMeta,
    private readonly work: WorkOnConnection,
  ) {}

  @Get()
  @Roles('service', 'admin', 'auditor')
  async list(@CurrentCaller() caller: Caller, @Query() query: ListConnectionsQuery): Promise<Page<ConnectionView>> {
    const { tenant, product, status, limit, cursor } = query;
    requireCovered(caller, tenant, product);
    return this.reader.list({
      ...(tenant === undefined ? {} : { tenant }),
      ...(product === undefined ? {} : { product }),
      ...(status === undefined ? {} : { status }),
      visibleTenants: visibleTenants(caller),
      visibleProducts: visibleProducts(caller),
      limit,
      after: decodeCursor(cursor),
    });
  }

  @Get(':id')
  @Roles('service', 'admin', 'auditor')
  one(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectionView> {
    return this.find(caller, id);
  }

  /** Also the second time: the answer says how the revocation at Meta stands by now. */
  @Delete(':id')
  @Roles('admin')
  @HttpCode(200)
  async revoke(
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
    @Param('id') id: string,
  ): Promise<RevokedAnswer> {
    await this.find(caller, id);
    const actor = actorOf(caller);
    const revoked = await this.revocation.revoke(id, { actor, requestId, reason: 'api' });
    if (revoked === null) throw new AppError(connectionNotFound);
    const standing =
      revoked.providerRevocation === 'pending' ? await this.revokeAtMeta.tryNow(id, actor) : revoked.providerRevocation;
    return {
      id,
      status: 'revoked',
      revoked_at: revoked.revokedAt.toISOString(),
      leases_revoked: revoked.leasesRevoked,
      provider_revocation: standing,
    };
  }

  /** Renews now, whatever is due; what failed stands in the credentials' `failure`. */
  @Post(':id/refresh')
  @Roles('admin')
  @HttpCode(200)
  async refresh(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectionView> {
    await this.findUsable(caller, id);
    await this.work.refresh(id);
    return this.find(caller, id);
  }

  /** Inspects now, whatever is due. */
  @Post(':id/check')
  @Roles('admin')
  @HttpCode(200)
  async check(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ConnectionView> {
    await this.findUsable(caller, id);
    await this.work.check(id);
    return this.find(caller, id);
  }

  private async findUsable(caller: Caller, id: string): Promise<void> {
    const { status } = await this.find(caller, id);
    if (status === 'revoked') throw new AppError(connectionRevoked);
  }

  /** One outside of the caller's policy does not exist for it. */
  private async find(caller: Caller, id: string): Promise<ConnectionView> {
    const connection = isId(id, 'con') ? await this.reader.findAcrossTenants(id) : null;
    if (connection === null || !covers(caller, connection.tenant, connection.product))
      throw new AppError(connectionNotFound);
    return connection;
  }
}
