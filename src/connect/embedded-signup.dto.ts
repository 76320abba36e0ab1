import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches } from 'class-validator';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import type { SignupMessage } from './authorization-hints.ts';

const META_ID = /^[0-9]{1,32}$/;
const EVENT = /^[A-Z_]{1,64}$/;

/** Embedded Signup's session message, as the page that runs it gets it. */
export class SignupRequest {
  @ApiPropertyOptional({ pattern: EVENT.source, description: '`event` of the session message', example: 'FINISH' })
  @IsOptionalNotNull()
  @Matches(EVENT, { message: 'must be the event of the session message, in capitals' })
  @IsString()
  event?: string;

  @ApiPropertyOptional({
    pattern: META_ID.source,
    description: 'The WhatsApp Business Account, as the session message names it',
    example: '102290129340398',
  })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  waba_id?: string;

  @ApiPropertyOptional({
    pattern: META_ID.source,
    description: 'The phone number, as the session message names it',
    example: '106540352242922',
  })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  phone_number_id?: string;

  @ApiPropertyOptional({
    pattern: META_ID.source,
    description: 'The business portfolio, as the session message names it',
    example: '506914307656634',
  })
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  business_id?: string;
}

export function toSignupMessage({
  event,
  waba_id: wabaId,
  phone_number_id: phoneNumberId,
  business_id: businessId,
}: SignupRequest): SignupMessage {
  return {
    ...(event === undefined ? {} : { event }),
    ...(wabaId === undefined ? {} : { wabaId }),
    ...(phoneNumberId === undefined ? {} : { phoneNumberId }),
    ...(businessId === undefined ? {} : { businessId }),
  };
}
