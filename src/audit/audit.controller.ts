import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, Roles } from '../auth/decorators.ts';
import { type Page, toPage } from '../platform/paging.ts';
import { AuditEntryQuery } from './audit-entry.query.ts';
import {
  type AuditEntryResponse,
  type ChainVerificationResponse,
  toAuditEntryResponse,
  toChainVerificationResponse,
} from './audit-response.dto.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';
import { ListAuditEntriesRequest, toAuditFilter } from './list-audit-entries.dto.ts';

/** The routes of the audit record. */
@ApiTags('audit')
@Roles('admin', 'auditor')
@Controller('v1/audit')
export class AuditController {
  constructor(
    private readonly reader: AuditEntryQuery,
    private readonly verifier: ChainVerifier,
  ) {}

  /** Newest first. */
  @Get()
  async list(
    @Query() query: ListAuditEntriesRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<AuditEntryResponse>> {
    return toPage(await this.reader.list(toAuditFilter(query, client)), query.limit, toAuditEntryResponse);
  }

  @Get('verify')
  async verify(): Promise<ChainVerificationResponse> {
    return toChainVerificationResponse(await this.verifier.verify());
  }
}
