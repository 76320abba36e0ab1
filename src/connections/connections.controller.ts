import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, Roles } from '../auth/decorators.ts';
import { requireCoveredByPolicy, visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import { decodeCursor, type Page } from '../platform/paging.ts';
import { ConnectionRepository } from './connection/connection.repository.ts';
import type { ConnectionResponse } from './connection/connection-response.dto.ts';
import { ConnectionVisibility } from './connection/connection-visibility.ts';
import { ListConnectionsRequest } from './list-connections.dto.ts';

/** Connections as clients see them. */
@ApiTags('connections')
@ApiBearerAuth('bearer')
@Roles('service', 'admin', 'auditor')
@Controller('v1/connections')
export class ConnectionsController {
  constructor(
    private readonly connections: ConnectionRepository,
    private readonly visibility: ConnectionVisibility,
  ) {}

  @Get()
  async list(
    @CurrentClient() client: AuthenticatedClient,
    @Query() query: ListConnectionsRequest,
  ): Promise<Page<ConnectionResponse>> {
    const { tenant, product, status, limit, cursor } = query;
    requireCoveredByPolicy(client, tenant, product);
    return this.connections.list({
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
  one(@CurrentClient() client: AuthenticatedClient, @Param('id') id: string): Promise<ConnectionResponse> {
    return this.visibility.getVisible(client, id);
  }
}
