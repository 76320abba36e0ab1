import { ApiProperty } from '@nestjs/swagger';
import { IsPin, PIN_PATTERN } from '../request-fields.ts';

/** Body of `POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register`. */
export class RegisterPhoneNumberRequest {
  @ApiProperty({
    pattern: PIN_PATTERN.source,
    description: 'Set as the pin of two-step verification, or checked where that is on',
  })
  @IsPin()
  pin!: string;
}
