import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { ApiConnectionId } from '../../connections/connection/api-connection-id.ts';
import { connectionNotFound, connectionRevoked } from '../../connections/connection/connection-problems.ts';
import { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { ConnectionCheckService } from './connection-check.service.ts';

/** Checks connections on request, for admins. */
@ApiTags('connections')
@Roles('admin')
@Controller('v1/connections')
export class ConnectionCheckController {
  constructor(
    private readonly visibility: ConnectionVisibility,
    private readonly checks: ConnectionCheckService,
  ) {}

  @Post(':id/check')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'checkConnection',
    summary: 'Check the tokens and assets of a connection now',
    description:
      'Inspects its tokens at Meta and looks for added and lost assets, due or not. Answers once Meta did; failures are ' +
      'in `failure` of the credentials.',
  })
  @ApiConnectionId()
  @ApiOkResponse({ type: ConnectionResponse, description: 'The connection afterwards' })
  @ApiProblems(connectionNotFound, connectionRevoked)
  async check(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Param('id') given: string,
  ): Promise<ConnectionResponse> {
    const { id } = await this.visibility.getVisibleUnrevoked(client, given);
    await this.checks.check(id, { actor: toActor(client), requestId });
    return this.visibility.getVisible(client, id);
  }
}
