import { ApiProperty } from '@nestjs/swagger';

/** Paths of this service, as JSON of `GET /`. */
export class StartPageResponse {
  @ApiProperty({ description: 'Page with the API reference', example: '/docs' })
  docs!: string;

  @ApiProperty({ description: 'OpenAPI document', example: '/openapi.json' })
  openapi!: string;

  @ApiProperty({ description: 'Readiness', example: '/health/ready' })
  health!: string;

  @ApiProperty({ description: 'All problems', example: '/problems' })
  problems!: string;
}
