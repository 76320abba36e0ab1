import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, Roles } from '../../auth/decorators.ts';
import { OverviewResponse } from './overview.dto.ts';
import { OverviewService } from './overview.service.ts';

/** The state of the whole service, for people on call. */
@ApiTags('operations')
@Roles('admin', 'auditor')
@Controller('v1/overview')
export class OverviewController {
  constructor(private readonly overview: OverviewService) {}

  @Get()
  @ApiOperation({
    operationId: 'getOverview',
    summary: 'Get the state of everything at a glance',
    description:
      'Counts of what the policy of the caller covers, and the state of the installation. Connections are recounted on ' +
      'request, but counting takes at most 2% of the time: `counted_at` says when they were last counted.',
  })
  @ApiOkResponse({ type: OverviewResponse, description: 'The overview' })
  read(@CurrentClient() client: AuthenticatedClient): Promise<OverviewResponse> {
    return this.overview.read(client);
  }
}
