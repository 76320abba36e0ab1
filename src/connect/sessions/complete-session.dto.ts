import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, MaxLength } from 'class-validator';
import type { Metadata } from '../../connections/description/description.ts';
import { MetadataField, ReferenceField } from '../../connections/description/description-fields.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import { SignupRequest } from '../embedded-signup.dto.ts';
import { IsAccessToken, IsCode, IsPin, MAX_CODE_LENGTH, MAX_TOKEN_LENGTH, PIN_PATTERN } from '../request-fields.ts';

/** Body of `POST /v1/connect-sessions/{id}/complete`: a code, or a token. */
export class CompleteSessionRequest extends SignupRequest {
  @ApiPropertyOptional({
    maxLength: MAX_CODE_LENGTH,
    description: 'The code that the dialog or `FB.login` gave; instead of `access_token`',
    example: 'AQDx7Zk2kLw0cQ9n3TqXH3tVhR1sB5mE',
  })
  @IsOptionalNotNull()
  @IsCode()
  code?: string;

  @ApiPropertyOptional({
    format: 'uri',
    maxLength: 2048,
    description: 'With `code`: the one of the dialog, byte for byte. Omit it for codes of the JavaScript SDK.',
    example: 'https://app.example.com/meta/callback',
  })
  @IsOptionalNotNull()
  @Matches(/^https?:\/\/[\x21-\x7e]+$/, { message: 'must be an absolute http(s) address' })
  @MaxLength(2048)
  @IsString()
  redirect_uri?: string;

  @ApiPropertyOptional({
    maxLength: MAX_TOKEN_LENGTH,
    description: 'A token of this app at Meta; instead of `code`',
    example: 'EAAGm0PX4ZCpsBO7Qd1',
  })
  @IsOptionalNotNull()
  @IsAccessToken()
  access_token?: string;

  @ApiPropertyOptional({
    pattern: PIN_PATTERN.source,
    description:
      'whatsapp: registers `phone_number_id` (or the only number) for the Cloud API once connected. Never stored. The ' +
      'result is in `registration` of the number.',
    example: '482913',
  })
  @IsOptionalNotNull()
  @IsPin()
  pin?: string;

  @ReferenceField()
  reference?: string;

  @MetadataField()
  metadata?: Metadata;
}
