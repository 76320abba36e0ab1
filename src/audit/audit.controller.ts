import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, Roles } from '../auth/decorators.ts';
import { type Page, toPage } from '../platform/paging.ts';
import { AuditEntryQuery, type AuditEntryRow } from './audit-entry.query.ts';
import { type ChainVerification, ChainVerifier } from './chain/chain-verifier.ts';
import { ListAuditEntriesRequest, toAuditFilter } from './list-audit-entries.dto.ts';

interface AuditEntryResponse extends Omit<AuditEntryRow, 'at' | 'actor_kind' | 'actor_id'> {
  at: string;
  actor: { kind: AuditEntryRow['actor_kind']; id: string | null };
}

interface ChainVerificationResponse {
  valid: boolean;
  entries: number;
  head: string | null;
  /** How many of the entries were pruned. Absent: none. */
  pruned_entries?: number;
  broken_at?: { reason: string; position: number | null; entry_id: string | null };
}

/** The audit record, for those who look. It stands in this room because its routes need roles, and the record itself knows none. */
@ApiTags('audit')
@Roles('admin', 'auditor')
@Controller('v1/audit')
export class AuditController {
  constructor(
    private readonly reader: AuditEntryQuery,
    private readonly verifier: ChainVerifier,
  ) {}

  /** The newest first. */
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

function toAuditEntryResponse({ actor_kind, actor_id, at, ...row }: AuditEntryRow): AuditEntryResponse {
  return { ...row, at: at.toISOString(), actor: { kind: actor_kind, id: actor_id } };
}

function toChainVerificationResponse({
  valid,
  entries,
  prunedEntries,
  head,
  firstFault,
}: ChainVerification): ChainVerificationResponse {
  const shown = { valid, entries, head, ...(prunedEntries === 0 ? {} : { pruned_entries: prunedEntries }) };
  if (firstFault === null) return shown;
  return {
    ...shown,
    broken_at: { reason: firstFault.reason, position: firstFault.position, entry_id: firstFault.entryId },
  };
}
