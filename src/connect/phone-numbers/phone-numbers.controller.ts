import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { actorOf } from '../../audit/actor.ts';
import type { Caller } from '../../auth/authenticated-client.ts';
import { CurrentCaller, RequestId, Roles } from '../../auth/decorators.ts';
import { covers } from '../../auth/policy/policy.ts';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound, connectionRevoked } from '../../connections/connection/connection-problems.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import { isId } from '../../platform/ids.ts';
import { AppError } from '../../platform/problem.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { RegisterPhoneNumberRequest } from '../connect.dto.ts';
import { requireView } from '../sessions/connect-sessions.controller.ts';
import { RegisterPhoneNumber } from './phone-number-registrar.ts';

/** The phone numbers of WhatsApp connections. */
@ApiTags('connecting')
@ApiBearerAuth('bearer')
@Roles('service', 'admin')
@Controller('v1/connections/:id/phone-numbers')
export class PhoneNumbersController {
  constructor(
    private readonly connections: ConnectionReader,
    private readonly registering: RegisterPhoneNumber,
  ) {}

  /** Also for a number that is registered already. How it ended stands on the number among the connection's assets. */
  @Post(':phone_number_id/register')
  @HttpCode(200)
  @ApiOperation({ summary: 'Registers a WhatsApp number for the Cloud API; the pin is kept nowhere' })
  async register(
    @Param('id') id: string,
    @Param('phone_number_id') phoneNumberId: string,
    @Body() { pin }: RegisterPhoneNumberRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<ConnectionView> {
    const connection = isId(id, 'con') ? await this.connections.findAcrossTenants(id) : null;
    if (connection === null || !covers(caller, connection.tenant, connection.product))
      throw new AppError(connectionNotFound);
    if (connection.status === 'revoked') throw new AppError(connectionRevoked);
    const registration = { connectionId: id, pin: new SecretString(pin), actor: actorOf(caller), requestId };
    await this.registering.register(phoneNumberId, registration);
    return requireView(await this.connections.findAcrossTenants(id));
  }
}
