import { ApiProperty } from '@nestjs/swagger';

/** The form that Meta sends. */
export class SignedRequestForm {
  @ApiProperty({
    description: "Meta's signature and payload, each base64url, with a dot in between",
    example: 'c2ln.eyJ1…',
  })
  signed_request!: string;
}

export class DeauthorizationResponse {
  @ApiProperty({ type: Boolean, enum: [true] })
  success!: true;
}

/** The shape Meta requires (docs/meta-facts.md#deauthorization-and-deletion). */
export class DataDeletionResponse {
  @ApiProperty({
    format: 'uri',
    description: 'A page for the user with the state of the request',
    example: 'https://metavault.example/data-deletion/0123456789abcdef0123456789abcdef',
  })
  url!: string;

  @ApiProperty({ example: '0123456789abcdef0123456789abcdef' })
  confirmation_code!: string;
}
