import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Roles } from '../../auth/decorators.ts';
import { clientNotFound } from '../../clients/client-rules.ts';
import { ClientsService } from '../../clients/clients.service.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { exampleId } from '../../platform/openapi/examples.ts';
import { judgeClientCall } from './judge-client-call.ts';
import { PolicyTestRequest, PolicyTestResponse } from './policy-test.dto.ts';

/** In this module because the answer uses the rules of the gateway. */
@ApiTags('clients')
@Roles('admin')
@Controller('v1/clients')
export class PolicyTestController {
  constructor(private readonly clients: ClientsService) {}

  @Post(':id/policy-test')
  @HttpCode(200)
  @ApiParam({ name: 'id', description: 'Id of the client', example: exampleId('cli') })
  @ApiOperation({
    operationId: 'testClientPolicy',
    summary: 'Check whether a client may make a call',
    description:
      'Answered by the rules that leases and the gateway follow, without making the call. What depends on its body, its ' +
      'connection, or the address of the caller is judged when it is made.',
  })
  @ApiOkResponse({ type: PolicyTestResponse, description: 'The verdict' })
  @ApiProblems(clientNotFound)
  async test(@Param('id') id: string, @Body() request: PolicyTestRequest): Promise<PolicyTestResponse> {
    return judgeClientCall(await this.clients.get(id), request);
  }
}
