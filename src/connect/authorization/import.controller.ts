import { Body, Controller, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { requireCoveredByPolicy } from '../../auth/policy/policy.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { ImportRequest } from './import.dto.ts';
import { SuppliedTokenService } from './supplied-token.service.ts';

/** Imports existing tokens: of system users, or from another system. */
@ApiTags('connecting')
@ApiBearerAuth('bearer')
@Roles('admin')
@Controller('v1/connections')
export class ImportController {
  constructor(
    private readonly tokens: SuppliedTokenService,
    private readonly visibility: ConnectionVisibility,
  ) {}

  @Post('import')
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
