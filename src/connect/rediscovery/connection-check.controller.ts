import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { ConnectionCheckService } from './connection-check.service.ts';

/** Checks connections on request, for admins. */
@ApiTags('connections')
@ApiBearerAuth('bearer')
@Roles('admin')
@Controller('v1/connections')
export class ConnectionCheckController {
  constructor(
    private readonly visibility: ConnectionVisibility,
    private readonly checks: ConnectionCheckService,
  ) {}

  /** Inspects its tokens and looks for added and lost assets now, due or not. */
  @Post(':id/check')
  @HttpCode(200)
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
