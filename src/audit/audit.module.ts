import { Global, Module } from '@nestjs/common';
import { RefusalListener } from '../auth/refusal-listener.ts';
import { AuditController } from './audit.controller.ts';
import { AuditEntryQuery } from './audit-entry.query.ts';
import { AuditLog } from './audit-log.ts';
import { AuditChain } from './chain/audit-chain.ts';
import { AuditPruner } from './chain/audit-pruner.ts';
import { ChainLinkingJob } from './chain/chain-linking.job.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';
import { RefusalAuditor } from './refusal-auditor.ts';

/**
 * The audit record. Global, because every module writes to it through `AuditLog`. `auth` may not import it and reports refusals through
 * `RefusalListener`.
 */
@Global()
@Module({
  controllers: [AuditController],
  providers: [
    AuditChain,
    AuditEntryQuery,
    AuditLog,
    AuditPruner,
    ChainLinkingJob,
    ChainVerifier,
    RefusalAuditor,
    { provide: RefusalListener, useExisting: RefusalAuditor },
  ],
  exports: [AuditLog, RefusalListener],
})
export class AuditModule {}
