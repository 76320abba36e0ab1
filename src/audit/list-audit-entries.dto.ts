import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { visibleProducts, visibleTenants } from '../auth/policy/policy.ts';
import { parseInstant } from '../platform/instant.ts';
import { exampleId, INSTANT } from '../platform/openapi/examples.ts';
import { PageRequest } from '../platform/page-request.dto.ts';
import { decodeCursor } from '../platform/paging.ts';
import type { AuditFilter } from './audit-entry.query.ts';

/** Query of `GET /v1/audit`. */
export class ListAuditEntriesRequest extends PageRequest {
  @ApiPropertyOptional({ description: 'Entries about this connection', example: exampleId('con') })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  connection_id?: string;

  @ApiPropertyOptional({ description: 'Actions by this client and actions on it', example: exampleId('cli') })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  client_id?: string;

  @ApiPropertyOptional({ description: 'Entries of this action', example: 'lease.issued' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  @ApiPropertyOptional({ ...INSTANT, description: 'Entries at or after this instant' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  from?: string;

  @ApiPropertyOptional({ ...INSTANT, description: 'Entries before this instant' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  to?: string;
}

/** Converts a query to a filter limited to what the client may see. Throws 400 `invalid_request`. */
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
