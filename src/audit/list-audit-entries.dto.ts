import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import { PageRequest } from '../platform/page-request.dto.ts';
import { decodeCursor } from '../platform/paging.ts';
import { invalidInputError } from '../platform/problem.ts';
import type { AuditFilter } from './audit-entry.query.ts';

/** RFC 3339 with a time and an offset; what the calendar and the clock allow is left to `Date.parse`. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Query of `GET /v1/audit`. */
export class ListAuditEntriesRequest extends PageRequest {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(100)
  connection_id?: string;

  @ApiPropertyOptional({ description: 'What this client did, and what was done to it' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  client_id?: string;

  @ApiPropertyOptional({ example: 'lease.issued' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'From this instant on' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  from?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Before this instant' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  to?: string;
}

/** The reader's words for a query, within what the caller may see. Throws 400 `invalid_request`. */
export function toAuditFilter(query: ListAuditEntriesRequest, client: AuthenticatedClient): AuditFilter {
  return {
    ...(query.connection_id === undefined ? {} : { connectionId: query.connection_id }),
    ...(query.client_id === undefined ? {} : { clientId: query.client_id }),
    ...(query.action === undefined ? {} : { action: query.action }),
    ...(query.from === undefined ? {} : { from: parseInstant('from', query.from) }),
    ...(query.to === undefined ? {} : { to: parseInstant('to', query.to) }),
    visibleTenants: visibleTenants(client),
    visibleProducts: visibleProducts(client),
    limit: query.limit,
    before: decodeCursor(query.cursor),
  };
}

/** An instant that a caller gave. Throws 400 `invalid_request`. */
export function parseInstant(path: string, text: string): Date {
  const epochMs = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(epochMs)) throw invalidInputError(path, 'is not an RFC 3339 instant such as 2026-01-31T09:30:00Z');
  return new Date(epochMs);
}
