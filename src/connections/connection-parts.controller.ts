import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, Roles } from '../auth/decorators.ts';
import { Database } from '../database/database.ts';
import { ApiPage } from '../platform/openapi/api-page.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { decodeCursor, decodeKeyCursor, type Page, toKeyPage, toPage } from '../platform/paging.ts';
import { ApiConnectionId } from './connection/api-connection-id.ts';
import { findAppFailures } from './connection/app-failure.query.ts';
import { AssetResponse, toAssetResponse } from './connection/asset-response.dto.ts';
import { type AssetPart, listConnectionAssets, listCredentials } from './connection/connection-parts.query.ts';
import { connectionNotFound } from './connection/connection-problems.ts';
import { ConnectionVisibility } from './connection/connection-visibility.ts';
import { CredentialResponse, toCredentialResponse } from './connection/credential-response.dto.ts';
import { ListAssetsRequest, ListCredentialsRequest } from './connection/list-parts.dto.ts';

/** All credentials and assets of a connection, which itself embeds the first ones only. */
@ApiTags('connections')
@Roles('service', 'admin', 'auditor', 'tenant_admin')
@Controller('v1/connections/:id')
export class ConnectionPartsController {
  constructor(
    private readonly database: Database,
    private readonly visibility: ConnectionVisibility,
  ) {}

  @Get('credentials')
  @ApiConnectionId()
  @ApiOperation({
    operationId: 'listCredentials',
    summary: 'List the credentials of a connection',
    description: 'All credentials, oldest first. Never returns a token.',
  })
  @ApiPage(CredentialResponse, 'A page of credentials')
  @ApiProblems(connectionNotFound)
  async credentials(
    @CurrentClient() client: AuthenticatedClient,
    @Param('id') id: string,
    @Query() query: ListCredentialsRequest,
  ): Promise<Page<CredentialResponse>> {
    const { type, q: text, limit, cursor } = query;
    const after = decodeCursor(cursor);
    const { id: connectionId, app_id: appId, status } = await this.visibility.getVisible(client, id);
    const rows = await listCredentials(this.database.reads, { connectionId, type, text, after, limit: limit + 1 });
    const failures = await findAppFailures(this.database, status === 'active' ? [appId] : []);
    return toPage(rows, limit, (row) => toCredentialResponse(row, failures.get(appId) ?? null));
  }

  @Get('assets')
  @ApiConnectionId()
  @ApiOperation({
    operationId: 'listAssets',
    summary: 'List the assets of a connection',
    description: "All assets, ordered by type and by Meta's id.",
  })
  @ApiPage(AssetResponse, 'A page of assets')
  @ApiProblems(connectionNotFound)
  async assets(
    @CurrentClient() client: AuthenticatedClient,
    @Param('id') id: string,
    @Query() query: ListAssetsRequest,
  ): Promise<Page<AssetResponse>> {
    const { type, q: text, limit, cursor } = query;
    const key = decodeKeyCursor(cursor);
    const { id: connectionId } = await this.visibility.getVisible(client, id);
    const after = key === null ? null : { type: key[0], id: key[1] };
    const rows = await listConnectionAssets(this.database.reads, { connectionId, type, text, after, limit: limit + 1 });
    return toKeyPage(rows, limit, keyOf, toAssetResponse);
  }
}

function keyOf({ type, id }: AssetPart): [string, string] {
  return [type, id];
}
