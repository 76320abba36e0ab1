import { Body, Controller, Post, UseFilters } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { actorOf } from '../access/actor.ts';
import type { Caller } from '../access/caller.ts';
import { CurrentCaller, RequestId, Roles } from '../access/decorators.ts';
import { requireCovered } from '../access/policy.ts';
import { ConnectionReader } from '../connections/connection-reader.ts';
import type { ConnectionView } from '../connections/connection-view.ts';
import { SecretString } from '../platform/secret-string.ts';
import { ClientFilter } from './client.filter.ts';
import { ImportRequest } from './connect-requests.ts';
import { requireView } from './connect-sessions.controller.ts';
import { TakeToken } from './take-token.ts';

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
