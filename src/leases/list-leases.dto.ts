import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, Matches } from 'class-validator';
import type { ClientId } from '../auth/ids.ts';
import { TENANT_PATTERN } from '../config/tenant.ts';
import type { ConnectionId } from '../connections/ids.ts';
import { exampleId } from '../platform/openapi/examples.ts';
import { PageRequest } from '../platform/page-request.dto.ts';
import { CONNECTION_ID } from './lease.dto.ts';
import { LEASE_STATUSES, type LeaseStatus } from './lease-response.dto.ts';

const CLIENT_ID = /^cli_[0-9a-hjkmnp-tv-z]{26}$/;

/** Query of `GET /v1/leases`. */
export class ListLeasesRequest extends PageRequest {
  @ApiPropertyOptional({
    type: String,
    pattern: CONNECTION_ID.source,
    description: 'For this connection only',
    example: exampleId('con'),
  })
  @IsOptional()
  @Matches(CONNECTION_ID, { message: 'must be the id of a connection (con_…)' })
  connection_id?: ConnectionId;

  @ApiPropertyOptional({
    type: String,
    pattern: CLIENT_ID.source,
    description: 'Issued to this client only',
    example: exampleId('cli'),
  })
  @IsOptional()
  @Matches(CLIENT_ID, { message: 'must be the id of a client (cli_…)' })
  client_id?: ClientId;

  @ApiPropertyOptional({
    pattern: TENANT_PATTERN.source,
    description: 'For connections of this tenant only',
    example: 'acme',
  })
  @IsOptional()
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z, a-z, 0-9, ".", "_", ":", "-"' })
  tenant?: string;

  @ApiPropertyOptional({ enum: LEASE_STATUSES, description: 'With this status only' })
  @IsOptional()
  @IsIn(LEASE_STATUSES)
  status?: LeaseStatus;
}
