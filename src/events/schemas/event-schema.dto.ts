import { ApiProperty } from '@nestjs/swagger';

/** Response of `GET /schemas/events`. */
export class EventSchemasResponse {
  @ApiProperty({ example: 'v1' })
  version!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string', format: 'uri' },
    description: 'The URL of the schema of each type',
    example: { 'connection.revoked': 'https://metavault.example/schemas/events/v1/connection.revoked' },
  })
  types!: Record<string, string>;
}
