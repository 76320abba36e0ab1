import { ApiProperty } from '@nestjs/swagger';
import { IsPin, PIN_PATTERN } from '../request-fields.ts';

/** Body of `POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register`. */
export class RegisterPhoneNumberRequest {
  @ApiProperty({
    pattern: PIN_PATTERN.source,
    description: 'Sets the two-step verification pin, or must match it if one is set. Never stored.',
    example: '482913',
  })
  @IsPin()
  pin!: string;
}
