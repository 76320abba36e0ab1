import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsString, MaxLength } from 'class-validator';
import type { ProblemDocument } from '../platform/http-server/problem.filter.ts';
import { exampleId } from '../platform/openapi/examples.ts';
import { RevokedConnectionResponse } from './connection-actions.dto.ts';

const MAX_CONNECTIONS = 100;

/** Body of `POST /v1/connections/revoke`. */
export class BulkRevocationRequest {
  @ApiProperty({
    type: [String],
    minItems: 1,
    maxItems: MAX_CONNECTIONS,
    description: 'Ids of connections. Each is judged by itself.',
    example: [exampleId('con')],
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_CONNECTIONS)
  @IsString({ each: true })
  @MaxLength(64, { each: true })
  ids!: string[];
}

class BulkRevokedResponse {
  @ApiProperty({ type: RevokedConnectionResponse })
  connection!: RevokedConnectionResponse;
}

class BulkRefusedResponse {
  @ApiProperty({ allOf: [{ $ref: '#/components/schemas/Problem' }], description: 'What a single request would get' })
  problem!: ProblemDocument;
}

export type BulkRevocationResult = BulkRevokedResponse | BulkRefusedResponse;

/** Response of `POST /v1/connections/revoke`. */
@ApiExtraModels(BulkRevokedResponse, BulkRefusedResponse)
export class BulkRevocationResponse {
  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ $ref: getSchemaPath(BulkRevokedResponse) }, { $ref: getSchemaPath(BulkRefusedResponse) }] },
    description: 'In the order of the ids',
  })
  results!: BulkRevocationResult[];
}
