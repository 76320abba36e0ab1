import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { PhoneNumberRegistrar } from './phone-number-registrar.ts';
import { PhoneNumberSynchronizer } from './phone-number-synchronizer.ts';
import { RegisterPhoneNumberRequest } from './register-phone-number.dto.ts';
import { type SynchronizationResponse, SynchronizePhoneNumberRequest } from './synchronize-phone-number.dto.ts';

@ApiTags('connecting')
@ApiBearerAuth('bearer')
@Roles('service', 'admin')
@Controller('v1/connections/:id/phone-numbers')
export class PhoneNumbersController {
  constructor(
    private readonly visibility: ConnectionVisibility,
    private readonly registrar: PhoneNumberRegistrar,
    private readonly synchronizer: PhoneNumberSynchronizer,
  ) {}

  /**
   * Works for registered numbers too, but not for those of the WhatsApp Business app. The result is on the number, in
   * the connection's assets.
   */
  @Post(':phone_number_id/register')
  @HttpCode(200)
  @ApiOperation({ summary: 'Registers a WhatsApp number for the Cloud API; the pin is not stored' })
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

  /**
   * Returns what Meta said about each kind; progress is shown on the number, in the connection's assets. Webhooks bring
   * the content.
   */
  @Post(':phone_number_id/synchronize')
  @HttpCode(202)
  @ApiOperation({
    summary: "Has Meta send a WhatsApp Business app number's contacts or history, once, within a day of its signup",
  })
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
