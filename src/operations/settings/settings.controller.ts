import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../../auth/decorators.ts';
import { SettingsResponse } from './settings.dto.ts';
import { SettingsService } from './settings.service.ts';

/** Shows the configuration. */
@ApiTags('operations')
@Roles('admin')
@Controller('v1/settings')
export class SettingsController {
  constructor(private readonly settings: SettingsService) {}

  @Get()
  @ApiOperation({
    operationId: 'getSettings',
    summary: 'Get the settings of this replica',
    description:
      'By the names of the environment variables. Never shows a secret: its keyed fingerprint shows whether replicas, or ' +
      'before and after a change, have the same one.',
  })
  @ApiOkResponse({ type: SettingsResponse, description: 'The settings' })
  read(): SettingsResponse {
    return this.settings.read();
  }
}
