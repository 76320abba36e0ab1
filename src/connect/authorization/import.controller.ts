import { Body, Controller, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { notAllowed, requireCoveredByPolicy } from '../../auth/policy/policy.ts';
import { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { CONNECT_PROBLEMS, loginNotConfigured } from '../connect-problems.ts';
import { ImportRequest } from './import.dto.ts';
import { SuppliedTokenService } from './supplied-token.service.ts';

/** Imports existing tokens: of system users, or from another system. */
@ApiTags('connect')
@Roles('admin')
@Controller('v1/connections')
export class ImportController {
  constructor(
    private readonly tokens: SuppliedTokenService,
    private readonly visibility: ConnectionVisibility,
  ) {}

  @Post('import')
  @ApiOperation({
    operationId: 'importConnection',
    summary: 'Import a token',
    description:
      'Connects with a token that you have: of a system user, or from another system. It is inspected before anything is ' +
      'stored: it must be valid and belong to this app. Importing again for the same tenant, product, and Meta user ' +
      'updates the connection and keeps its id.',
  })
  @ApiCreatedResponse({ type: ConnectionResponse, description: 'The connection, made or updated' })
  @ApiProblems(
    notAllowed,
    loginNotConfigured,
    CONNECT_PROBLEMS.token_rejected,
    CONNECT_PROBLEMS.meta_configuration,
    CONNECT_PROBLEMS.meta_unavailable,
  )
  async import(
    @Body() { tenant, product, access_token: accessToken }: ImportRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<ConnectionResponse> {
    requireCoveredByPolicy(client, tenant, product);
    const connectionId = await this.tokens.connect({
      tenant,
      product,
      flow: 'import',
      sessionId: null,
      clientId: client.clientId,
      token: new SecretString(accessToken),
      message: {},
      actor: toActor(client),
      requestId,
    });
    return this.visibility.getVisible(client, connectionId);
  }
}
