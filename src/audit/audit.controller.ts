import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Caller } from '../auth/authenticated-client.ts';
import { CurrentCaller, Roles } from '../auth/decorators.ts';
import { type Page, toPage } from '../platform/paging.ts';
import { type AuditEntryRow, AuditReader } from './audit-entry.query.ts';
import { ChainVerifier, type Verification } from './chain/chain-verifier.ts';
import { AuditQuery, toAuditFilter } from './list-audit-entries.dto.ts';

interface AuditEntryView extends Omit<AuditEntryRow, 'at' | 'actor_kind' | 'actor_id'> {
  at: string;
  actor: { kind: AuditEntryRow['actor_kind']; id: string | null };
}

interface VerificationView {
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
    private readonly reader: AuditReader,
    private readonly verifier: ChainVerifier,
  ) {}

  /** The newest first. */
  @Get()
  async list(@Query() query: AuditQuery, @CurrentCaller() caller: Caller): Promise<Page<AuditEntryView>> {
    return toPage(await this.reader.list(toAuditFilter(query, caller)), query.limit, toEntryView);
  }

  @Get('verify')
  async verify(): Promise<VerificationView> {
    return toVerificationView(await this.verifier.verify());
  }
}

function toEntryView({ actor_kind, actor_id, at, ...row }: AuditEntryRow): AuditEntryView {
  return { ...row, at: at.toISOString(), actor: { kind: actor_kind, id: actor_id } };
}

function toVerificationView({ valid, entries, prunedEntries, head, brokenAt }: Verification): VerificationView {
  const shown = { valid, entries, head, ...(prunedEntries === 0 ? {} : { pruned_entries: prunedEntries }) };
  if (brokenAt === null) return shown;
  return { ...shown, broken_at: { reason: brokenAt.reason, position: brokenAt.position, entry_id: brokenAt.entryId } };
}
