import { Body, Controller, Get, Param, Patch, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../auth/decorators.ts';
import { notAllowed, requireCoveredByPolicy, visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import { parseInstant } from '../platform/instant.ts';
import { ApiPage } from '../platform/openapi/api-page.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { decodeCursor, type Page } from '../platform/paging.ts';
import { ApiConnectionId } from './connection/api-connection-id.ts';
import { ConnectionRepository } from './connection/connection.repository.ts';
import { connectionNotFound } from './connection/connection-problems.ts';
import { ConnectionResponse } from './connection/connection-response.dto.ts';
import { ConnectionVisibility } from './connection/connection-visibility.ts';
import { DescribeConnectionRequest } from './description/describe-connection.dto.ts';
import { DescriptionService } from './description/description.service.ts';
import { ListConnectionsRequest } from './list-connections.dto.ts';

/** Connections as clients see them. */
@ApiTags('connections')
@Roles('service', 'admin', 'auditor', 'tenant_admin')
@Controller('v1/connections')
export class ConnectionsController {
  constructor(
    private readonly connections: ConnectionRepository,
    private readonly visibility: ConnectionVisibility,
    private readonly descriptions: DescriptionService,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listConnections',
    summary: 'List connections',
    description: 'Lists the connections that the policy of the client covers, oldest first.',
  })
  @ApiPage(ConnectionResponse, 'A page of connections')
  @ApiProblems(notAllowed)
  async list(
    @CurrentClient() client: AuthenticatedClient,
    @Query() query: ListConnectionsRequest,
  ): Promise<Page<ConnectionResponse>> {
    const { tenant, product, status, health, reference, reason, q, limit, cursor } = query;
    const { expires_before: expiresBefore, asset_id: assetId, meta_user_id: metaUserId } = query;
    requireCoveredByPolicy(client, tenant, product);
    return this.connections.list({
      ...(tenant === undefined ? {} : { tenant }),
      ...(product === undefined ? {} : { product }),
      ...(status === undefined ? {} : { status }),
      ...(health === undefined ? {} : { health }),
      ...(expiresBefore === undefined ? {} : { expiresBefore: parseInstant('expires_before', expiresBefore) }),
      ...(assetId === undefined ? {} : { assetId }),
      ...(reference === undefined ? {} : { reference }),
      ...(reason === undefined ? {} : { reason }),
      ...(metaUserId === undefined ? {} : { metaUserId }),
      ...(q === undefined ? {} : { text: q.trim() }),
      visibleTenants: visibleTenants(client),
      visibleProducts: visibleProducts(client),
      limit,
      after: decodeCursor(cursor),
    });
  }

  @Get(':id')
  @ApiOperation({
    operationId: 'getConnection',
    summary: 'Get a connection',
    description: 'Returns the connection with its status, credentials, and assets. Never returns a token.',
  })
  @ApiConnectionId()
  @ApiOkResponse({ type: ConnectionResponse, description: 'The connection' })
  @ApiProblems(connectionNotFound)
  one(@CurrentClient() client: AuthenticatedClient, @Param('id') id: string): Promise<ConnectionResponse> {
    return this.visibility.getVisible(client, id);
  }

  @Patch(':id')
  @Roles('service', 'admin')
  @ApiOperation({
    operationId: 'updateConnection',
    summary: 'Change the reference and metadata of a connection',
    description:
      'A merge patch (RFC 7396): what is absent stays, null removes. Later events of the connection carry the new values.',
  })
  @ApiConnectionId()
  @ApiOkResponse({ type: ConnectionResponse, description: 'The connection' })
  @ApiProblems(connectionNotFound)
  async update(
    @CurrentClient() client: AuthenticatedClient,
    @Param('id') id: string,
    @Body() patch: DescribeConnectionRequest,
    @RequestId() requestId: string,
  ): Promise<ConnectionResponse> {
    const { id: connectionId } = await this.visibility.getVisible(client, id);
    await this.descriptions.patch(connectionId, patch, { actor: toActor(client), requestId });
    return this.visibility.getVisible(client, connectionId);
  }
}
