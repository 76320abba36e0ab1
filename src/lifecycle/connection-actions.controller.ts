import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../auth/decorators.ts';
import { isCoveredByPolicy, requireCoveredByPolicy, visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import { ConnectionRepository } from '../connections/connection/connection.repository.ts';
import { connectionNotFound, connectionRevoked } from '../connections/connection/connection-problems.ts';
import type { ConnectionResponse } from '../connections/connection/connection-response.dto.ts';
import { ListConnectionsRequest } from '../connections/list-connections.dto.ts';
import { ConnectionRevoker } from '../connections/revocation/connection-revoker.ts';
import { isId } from '../platform/ids.ts';
import { decodeCursor, type Page } from '../platform/paging.ts';
import { AppError } from '../platform/problem.ts';
import { ProviderRevocationService } from './provider-revocation.service.ts';
import { ManualRefreshService } from './refresh/manual-refresh.service.ts';

export interface RevokedConnectionResponse {
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
export class ConnectionActionsController {
  constructor(
    private readonly connectionRepository: ConnectionRepository,
    private readonly revocation: ConnectionRevoker,
    private readonly revokeAtMeta: ProviderRevocationService,
    private readonly manualRefresh: ManualRefreshService,
  ) {}

  @Get()
  @Roles('service', 'admin', 'auditor')
  async list(
    @CurrentClient() client: AuthenticatedClient,
    @Query() query: ListConnectionsRequest,
  ): Promise<Page<ConnectionResponse>> {
    const { tenant, product, status, limit, cursor } = query;
    requireCoveredByPolicy(client, tenant, product);
    return this.connectionRepository.list({
      ...(tenant === undefined ? {} : { tenant }),
      ...(product === undefined ? {} : { product }),
      ...(status === undefined ? {} : { status }),
      visibleTenants: visibleTenants(client),
      visibleProducts: visibleProducts(client),
      limit,
      after: decodeCursor(cursor),
    });
  }

  @Get(':id')
  @Roles('service', 'admin', 'auditor')
  one(@CurrentClient() client: AuthenticatedClient, @Param('id') id: string): Promise<ConnectionResponse> {
    return this.find(client, id);
  }

  /** Also the second time: the answer says how the revocation at Meta stands by now. */
  @Delete(':id')
  @Roles('admin')
  @HttpCode(200)
  async revoke(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Param('id') id: string,
  ): Promise<RevokedConnectionResponse> {
    await this.find(client, id);
    const actor = toActor(client);
    const revoked = await this.revocation.revoke(id, { actor, requestId, reason: 'api' });
    if (revoked === null) throw new AppError(connectionNotFound);
    const providerStatus =
      revoked.providerRevocation === 'pending'
        ? await this.revokeAtMeta.attemptNow(id, actor)
        : revoked.providerRevocation;
    return {
      id,
      status: 'revoked',
      revoked_at: revoked.revokedAt.toISOString(),
      leases_revoked: revoked.leasesRevoked,
      provider_revocation: providerStatus,
    };
  }

  /** Renews now, whatever is due; what failed stands in the credentials' `failure`. */
  @Post(':id/refresh')
  @Roles('admin')
  @HttpCode(200)
  async refresh(@CurrentClient() client: AuthenticatedClient, @Param('id') id: string): Promise<ConnectionResponse> {
    await this.findUsable(client, id);
    await this.manualRefresh.refresh(id);
    return this.find(client, id);
  }

  /** Inspects now, whatever is due. */
  @Post(':id/check')
  @Roles('admin')
  @HttpCode(200)
  async check(@CurrentClient() client: AuthenticatedClient, @Param('id') id: string): Promise<ConnectionResponse> {
    await this.findUsable(client, id);
    await this.manualRefresh.check(id);
    return this.find(client, id);
  }

  private async findUsable(client: AuthenticatedClient, id: string): Promise<void> {
    const { status } = await this.find(client, id);
    if (status === 'revoked') throw new AppError(connectionRevoked);
  }

  /** One outside of the caller's policy does not exist for it. */
  private async find(client: AuthenticatedClient, id: string): Promise<ConnectionResponse> {
    const connection = isId(id, 'con') ? await this.connectionRepository.findAcrossTenants(id) : null;
    if (connection === null || !isCoveredByPolicy(client, connection.tenant, connection.product))
      throw new AppError(connectionNotFound);
    return connection;
  }
}
