import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { invalidInputError } from '../platform/problem.ts';
import { type ChainAnchor, parseAnchor } from './chain/chain-anchor.ts';

/** Query of `GET /v1/audit/verify`. */
export class VerifyRecordRequest {
  @ApiPropertyOptional({
    description: 'The `anchor` from an earlier GET /v1/audit/anchor, or that whole response as JSON',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  anchor?: string;
}

/** Parses the anchor of a query, if any. Throws 400 `invalid_request`. */
export function readAnchor({ anchor: text }: VerifyRecordRequest): ChainAnchor | undefined {
  if (text === undefined) return undefined;
  const anchor = parseAnchor(text);
  if (anchor === null) throw invalidInputError('anchor', 'is not an anchor; send one returned by GET /v1/audit/anchor');
  return anchor;
}
