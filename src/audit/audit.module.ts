import { Global, Module } from '@nestjs/common';
import { RefusalListener } from '../auth/refusal-listener.ts';
import { AuditController } from './audit.controller.ts';
import { AuditEntryQuery } from './audit-entry.query.ts';
import { AuditChain } from './chain/audit-chain.ts';
import { ChainLinkingJob } from './chain/chain-linking.job.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';
import { RefusalAuditor } from './refusal-auditor.ts';

/**
 * The audit record: what reads, chains and verifies it. Entries are written through `AuditLog`, which every module has. Global, because
 * it is where `auth` reports refusals, which may not import it.
 */
@Global()
@Module({
  controllers: [AuditController],
  providers: [
    AuditChain,
    AuditEntryQuery,
    ChainLinkingJob,
    ChainVerifier,
    RefusalAuditor,
    { provide: RefusalListener, useExisting: RefusalAuditor },
  ],
  exports: [RefusalListener],
})
export class AuditModule {}
