import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { RefusalListener } from '../auth/refusal-listener.ts';
import { PartitionService } from '../database/partitions/partition.service.ts';
import { AnchorsService } from './anchors.service.ts';
import { AuditController } from './audit.controller.ts';
import { AuditEntryQuery } from './audit-entry.query.ts';
import { AuditLog } from './audit-log.ts';
import { AuditedObjects } from './audited-objects.ts';
import { AuditChain } from './chain/audit-chain.ts';
import { AuditPruner } from './chain/audit-pruner.ts';
import { ChainLinkingJob } from './chain/chain-linking.job.ts';
import { ChainProgress } from './chain/chain-progress.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';
import { ForgedRowAuditor } from './forged-row-auditor.ts';
import { RefusalAuditor } from './refusal-auditor.ts';

/** Few partitions, because entries are kept for years. Only `metavault audit prune` removes any. */
const PARTITION_DAYS = 30;

/**
 * Global, because every module writes through `AuditLog`. `auth` must not import it and reports through
 * `RefusalListener`.
 */
@Global()
@Module({
  controllers: [AuditController],
  providers: [
    AnchorsService,
    AuditChain,
    AuditedObjects,
    AuditEntryQuery,
    AuditLog,
    AuditPruner,
    ChainLinkingJob,
    ChainProgress,
    ChainVerifier,
    ForgedRowAuditor,
    RefusalAuditor,
    { provide: RefusalListener, useExisting: RefusalAuditor },
  ],
  exports: [AuditedObjects, AuditLog, ChainProgress, RefusalListener],
})
export class AuditModule implements OnModuleInit {
  constructor(private readonly partitions: PartitionService) {}

  onModuleInit(): void {
    this.partitions.register('audit_entry', { days: PARTITION_DAYS });
    this.partitions.register('audit_link', { days: PARTITION_DAYS });
  }
}
