import { Body, Controller, Post, UseFilters } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { actorOf } from '../../audit/actor.ts';
import type { Caller } from '../../auth/authenticated-client.ts';
import { CurrentCaller, RequestId, Roles } from '../../auth/decorators.ts';
import { requireCovered } from '../../auth/policy/policy.ts';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { ImportRequest } from '../connect.dto.ts';
import { ClientFilter } from '../connect-error.filter.ts';
import { requireView } from '../sessions/connect-sessions.controller.ts';
import { TakeToken } from './supplied-token.service.ts';

/** Tokens that exist already: system users, and what another system kept before. */
@ApiTags('connecting')
@ApiBearerAuth('bearer')
@Roles('admin')
@UseFilters(ClientFilter)
@Controller('v1/connections')
export class ImportController {
  constructor(
    private readonly tokens: TakeToken,
    private readonly connections: ConnectionReader,
  ) {}

  @Post('import')
  async import(
    @Body() { tenant, product, access_token: accessToken }: ImportRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<ConnectionView> {
    requireCovered(caller, tenant, product);
    const connectionId = await this.tokens.take({
      tenant,
      product,
      flow: 'import',
      sessionId: null,
      clientId: caller.clientId,
      token: new SecretString(accessToken),
      ids: {},
      actor: actorOf(caller),
      requestId,
    });
    return requireView(await this.connections.findAcrossTenants(connectionId));
  }
}
