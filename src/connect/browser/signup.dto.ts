import { ApiProperty } from '@nestjs/swagger';
import type { ConnectionId } from '../../connections/ids.ts';
import { exampleId } from '../../platform/openapi/examples.ts';
import { SignupRequest } from '../embedded-signup.dto.ts';
import { IsCode, MAX_CODE_LENGTH } from '../request-fields.ts';

/** Body of `POST /connect/{token}/complete`. */
export class CompleteSignupRequest extends SignupRequest {
  @ApiProperty({
    maxLength: MAX_CODE_LENGTH,
    description: 'The code that `FB.login` gave',
    example: 'AQDx7Zk2kLw0cQ9n3TqXH3tVhR1sB5mE',
  })
  @IsCode()
  code!: string;
}

/** Response to the Embedded Signup page. */
export class SignupResponse {
  @ApiProperty({
    format: 'uri',
    description: 'Where to send the browser: `return_url` of the session with the result added, or a page of ours',
    example: 'https://app.example.com/settings/meta?status=connected&connection_id=con_01k7gm2v9s8x4d0c6b5a3n1f2e',
  })
  redirect_to!: string;
}

/** Sent to browsers that ask for JSON, instead of the page that says "connected". */
export class ConnectedResponse {
  @ApiProperty({ enum: ['connected'] })
  status!: 'connected';

  @ApiProperty({ type: String, example: exampleId('con') })
  connection_id!: ConnectionId;

  @ApiProperty({
    required: false,
    type: [String],
    description: 'WhatsApp numbers that are not known to be registered for the Cloud API',
    example: ['106540352242922'],
  })
  phone_numbers_to_register?: string[];
}
