import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches } from 'class-validator';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import type { SignupIds } from './authorization-hints.ts';

const META_ID = /^[0-9]{1,32}$/;

/** The ids that Embedded Signup gives the page it runs on. */
export class SignupRequest {
  @ApiPropertyOptional()
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  waba_id?: string;

  @ApiPropertyOptional()
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  phone_number_id?: string;

  @ApiPropertyOptional()
  @IsOptionalNotNull()
  @Matches(META_ID, { message: 'must be an id of Meta, in digits' })
  @IsString()
  business_id?: string;
}

/** The ids that the request has. */
export function toSignupIds({
  waba_id: wabaId,
  phone_number_id: phoneNumberId,
  business_id: businessId,
}: SignupRequest): SignupIds {
  return {
    ...(wabaId === undefined ? {} : { wabaId }),
    ...(phoneNumberId === undefined ? {} : { phoneNumberId }),
    ...(businessId === undefined ? {} : { businessId }),
  };
}
