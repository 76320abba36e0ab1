import { Controller, Get, Headers, Query, StreamableFile } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, Roles } from '../auth/decorators.ts';
import { Clock } from '../platform/clock.ts';
import { ApiPage } from '../platform/openapi/api-page.ts';
import { type Page, toPage } from '../platform/paging.ts';
import { AnchorsService } from './anchors.service.ts';
import { AuditEntryQuery } from './audit-entry.query.ts';
import {
  AnchorResponse,
  AuditEntryResponse,
  ChainVerificationResponse,
  toAnchorResponse,
  toAuditEntryResponse,
  toChainVerificationResponse,
} from './audit-response.dto.ts';
import type { ChainAnchor } from './chain/chain-anchor.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';
import { ListAuditEntriesRequest, toAuditFilter } from './list-audit-entries.dto.ts';
import { streamVerification } from './verification-stream.ts';
import { readAnchor, VerifyRecordRequest } from './verify-record.dto.ts';

const EVENT_STREAM = 'text/event-stream';

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

  @Get()
  @Roles('admin', 'auditor', 'tenant_admin')
  @ApiOperation({
    operationId: 'listAuditEntries',
    summary: 'List audit entries, newest first',
    description: 'Every lease and every change has an entry, which stays after its object is gone.',
  })
  @ApiPage(AuditEntryResponse, 'Entries that match')
  async list(
    @Query() query: ListAuditEntriesRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<AuditEntryResponse>> {
    return toPage(await this.reader.list(toAuditFilter(query, client)), query.limit, toAuditEntryResponse);
  }

  @Get('verify')
  @ApiOperation({
    operationId: 'verifyAuditRecord',
    summary: 'Verify the whole record',
    description:
      'Lists everything that was changed, removed, forged, or cut off. With an anchor kept elsewhere, it also shows whether ' +
      'the whole database was rolled back. A long record takes minutes: with `Accept: text/event-stream`, the answer ' +
      'reports progress twice a second as `progress` events (`{"position": 40000, "last_position": 100000}`: links ' +
      'checked and links in all) and ends with a `verification` event, whose data is the verdict.',
  })
  @ApiExtraModels(ChainVerificationResponse)
  @ApiOkResponse({
    description: 'The verdict, with what is wrong',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(ChainVerificationResponse) } },
      [EVENT_STREAM]: { schema: { type: 'string', description: 'Events `progress` and `verification`' } },
    },
  })
  async verify(
    @Query() query: VerifyRecordRequest,
    @Headers('accept') accept: string | undefined,
  ): Promise<ChainVerificationResponse | StreamableFile> {
    const run = this.runVerification(readAnchor(query));
    if (accept?.includes(EVENT_STREAM) !== true) return run;
    return new StreamableFile(await streamVerification(run, () => this.verifier.progress), { type: EVENT_STREAM });
  }

  @Get('anchor')
  @ApiOperation({
    operationId: 'getAuditAnchor',
    summary: 'Get the sealed head of the record',
    description: 'Keep it outside of the database, and give it to `verifyAuditRecord` later.',
  })
  @ApiOkResponse({ type: AnchorResponse, description: 'The anchor' })
  async anchor(): Promise<AnchorResponse> {
    return toAnchorResponse(await this.anchors.take(), this.clock.now());
  }

  private async runVerification(anchor: ChainAnchor | undefined): Promise<ChainVerificationResponse> {
    const verification = await this.verifier.verify();
    if (anchor === undefined) return toChainVerificationResponse(verification);
    return toChainVerificationResponse(verification, await this.anchors.check(anchor));
  }
}
