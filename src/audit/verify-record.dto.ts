import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { invalidInputError } from '../platform/problem.ts';
import { type ChainAnchor, parseAnchor } from './chain/chain-anchor.ts';

/** Query of `GET /v1/audit/verify`. */
export class VerifyRecordRequest {
  @ApiPropertyOptional({ description: 'The `anchor` of an earlier GET /v1/audit/anchor, or that whole answer as JSON' })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  anchor?: string;
}

/** The anchor of a query; undefined where none is given. Throws 400 `invalid_request`. */
export function readAnchor({ anchor: text }: VerifyRecordRequest): ChainAnchor | undefined {
  if (text === undefined) return undefined;
  const anchor = parseAnchor(text);
  if (anchor === null) throw invalidInputError('anchor', 'is no anchor: give what GET /v1/audit/anchor answered');
  return anchor;
}
