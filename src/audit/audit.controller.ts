import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, Roles } from '../auth/decorators.ts';
import { Clock } from '../platform/clock.ts';
import { type Page, toPage } from '../platform/paging.ts';
import { AnchorsService } from './anchors.service.ts';
import { AuditEntryQuery } from './audit-entry.query.ts';
import {
  type AnchorResponse,
  type AuditEntryResponse,
  type ChainVerificationResponse,
  toAnchorResponse,
  toAuditEntryResponse,
  toChainVerificationResponse,
} from './audit-response.dto.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';
import { ListAuditEntriesRequest, toAuditFilter } from './list-audit-entries.dto.ts';
import { readAnchor, VerifyRecordRequest } from './verify-record.dto.ts';

/** Routes of the audit record. */
@ApiTags('audit')
@Roles('admin', 'auditor')
@Controller('v1/audit')
export class AuditController {
  constructor(
    private readonly reader: AuditEntryQuery,
    private readonly verifier: ChainVerifier,
    private readonly anchors: AnchorsService,
    private readonly clock: Clock,
  ) {}

  /** Lists entries, newest first. */
  @Get()
  async list(
    @Query() query: ListAuditEntriesRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<AuditEntryResponse>> {
    return toPage(await this.reader.list(toAuditFilter(query, client)), query.limit, toAuditEntryResponse);
  }

  /** Verifies the whole record and, with an anchor, that it still contains what was anchored. */
  @Get('verify')
  async verify(@Query() query: VerifyRecordRequest): Promise<ChainVerificationResponse> {
    const anchor = readAnchor(query);
    const verification = await this.verifier.verify();
    if (anchor === undefined) return toChainVerificationResponse(verification);
    return toChainVerificationResponse(verification, await this.anchors.check(anchor));
  }

  /** Returns the sealed head of the chain, to be kept outside of the database. */
  @Get('anchor')
  async anchor(): Promise<AnchorResponse> {
    return toAnchorResponse(await this.anchors.take(), this.clock.now());
  }
}
