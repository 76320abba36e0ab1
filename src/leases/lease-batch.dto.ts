import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray } from 'class-validator';
import type { ProblemDocument } from '../platform/http-server/problem.filter.ts';
import { LeaseRequest } from './lease.dto.ts';
import { IssuedLeaseResponse } from './lease-response.dto.ts';

const MAX_REQUESTS = 100;

/** Body of `POST /v1/leases/batch`. */
@ApiExtraModels(LeaseRequest)
export class LeaseBatchRequest {
  /** See `InputValidationPipe`. */
  static isPlainlyValid(body: unknown): boolean {
    if (typeof body !== 'object' || body === null || Object.keys(body).length !== 1) return false;
    const { requests } = body as { requests?: unknown };
    return Array.isArray(requests) && requests.length >= 1 && requests.length <= MAX_REQUESTS;
  }

  @ApiProperty({
    type: 'array',
    items: { $ref: getSchemaPath(LeaseRequest) },
    minItems: 1,
    maxItems: MAX_REQUESTS,
    description: 'Bodies of `POST /v1/leases`. Each is judged by itself.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_REQUESTS)
  requests!: unknown[];
}

class GrantedLeaseResponse {
  @ApiProperty({ type: IssuedLeaseResponse })
  lease!: IssuedLeaseResponse;
}

class RefusedLeaseResponse {
  @ApiProperty({ allOf: [{ $ref: '#/components/schemas/Problem' }], description: 'What a single request would get' })
  problem!: ProblemDocument;
}

export type LeaseResult = GrantedLeaseResponse | RefusedLeaseResponse;

/** Response of `POST /v1/leases/batch`. */
@ApiExtraModels(GrantedLeaseResponse, RefusedLeaseResponse)
export class LeaseBatchResponse {
  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ $ref: getSchemaPath(GrantedLeaseResponse) }, { $ref: getSchemaPath(RefusedLeaseResponse) }] },
    description: 'In the order of the requests',
  })
  results!: LeaseResult[];
}
