import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { ApiConnectionId } from '../../connections/connection/api-connection-id.ts';
import {
  connectionNotFound,
  connectionRevoked,
  reauthRequired,
} from '../../connections/connection/connection-problems.ts';
import { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { metaUnavailable } from '../../meta/errors/meta-unavailable.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { metaConfiguration, phoneNumberNotFound, registrationRefused } from '../connect-problems.ts';
import {
  alreadySynchronized,
  notCoexistence,
  registrationNotAllowed,
  synchronizationRefused,
  synchronizationWindowClosed,
} from './phone-number-problems.ts';
import { PhoneNumberRegistrar } from './phone-number-registrar.ts';
import { PhoneNumberSynchronizer } from './phone-number-synchronizer.ts';
import { RegisterPhoneNumberRequest } from './register-phone-number.dto.ts';
import { SynchronizationResponse, SynchronizePhoneNumberRequest } from './synchronize-phone-number.dto.ts';

const ApiPhoneNumberId = (): MethodDecorator =>
  ApiParam({ name: 'phone_number_id', description: "Meta's id of the number", example: '106540352242922' });

@ApiTags('connections')
@Roles('service', 'admin')
@Controller('v1/connections/:id/phone-numbers')
export class PhoneNumbersController {
  constructor(
    private readonly visibility: ConnectionVisibility,
    private readonly registrar: PhoneNumberRegistrar,
    private readonly synchronizer: PhoneNumberSynchronizer,
  ) {}

  @Post(':phone_number_id/register')
  @HttpCode(200)
  @ApiConnectionId()
  @ApiPhoneNumberId()
  @ApiOperation({
    operationId: 'registerPhoneNumber',
    summary: 'Register a WhatsApp number for the Cloud API',
    description:
      'Works for registered numbers too, but not for those of the WhatsApp Business app. The outcome is in ' +
      '`registration` of the number, among the assets of the connection. The pin is not stored.',
  })
  @ApiOkResponse({ type: ConnectionResponse, description: 'The connection, with the registered number' })
  @ApiProblems(
    connectionNotFound,
    phoneNumberNotFound,
    connectionRevoked,
    reauthRequired,
    registrationNotAllowed,
    registrationRefused,
    metaConfiguration,
    metaUnavailable,
  )
  async register(
    @Param('id') id: string,
    @Param('phone_number_id') phoneNumberId: string,
    @Body() { pin }: RegisterPhoneNumberRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<ConnectionResponse> {
    const { id: connectionId } = await this.visibility.getVisibleUnrevoked(client, id);
    const registration = { connectionId, pin: new SecretString(pin), actor: toActor(client), requestId };
    await this.registrar.register(phoneNumberId, registration);
    return this.visibility.getVisible(client, connectionId);
  }

  @Post(':phone_number_id/synchronize')
  @HttpCode(202)
  @ApiConnectionId()
  @ApiPhoneNumberId()
  @ApiOperation({
    operationId: 'synchronizePhoneNumber',
    summary: 'Ask Meta for the contacts or the history of a WhatsApp Business app number',
    description:
      'Meta gives them once, within a day of the signup, by webhook. Repeating a request is safe. Progress is in ' +
      '`synchronization` of the number, among the assets of the connection.',
  })
  @ApiAcceptedResponse({ type: SynchronizationResponse, description: 'What Meta said of each kind' })
  @ApiProblems(
    connectionNotFound,
    phoneNumberNotFound,
    connectionRevoked,
    reauthRequired,
    notCoexistence,
    alreadySynchronized,
    synchronizationWindowClosed,
    synchronizationRefused,
    metaConfiguration,
    metaUnavailable,
  )
  async synchronize(
    @Param('id') id: string,
    @Param('phone_number_id') phoneNumberId: string,
    @Body() { kinds }: SynchronizePhoneNumberRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<SynchronizationResponse> {
    const { id: connectionId } = await this.visibility.getVisibleUnrevoked(client, id);
    const request = { connectionId, phoneNumberId, kinds, actor: toActor(client), requestId };
    return { results: await this.synchronizer.synchronize(request) };
  }
}
