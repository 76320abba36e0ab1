import { ApiProperty } from '@nestjs/swagger';

/** Null for paths that only operators see. */
const FOR_OPERATORS = { type: String, nullable: true } as const;

/** Paths of this service, the JSON form of `GET /`. */
export class StartPageResponse {
  @ApiProperty({ description: 'The site for admins and auditors', example: '/console' })
  console!: string;

  @ApiProperty({ ...FOR_OPERATORS, description: 'Page with the API reference', example: '/docs' })
  docs!: string | null;

  @ApiProperty({ ...FOR_OPERATORS, description: 'OpenAPI document', example: '/openapi.json' })
  openapi!: string | null;

  @ApiProperty({ description: 'Readiness', example: '/health/ready' })
  health!: string;

  @ApiProperty({ description: 'All problems', example: '/problems' })
  problems!: string;
}
