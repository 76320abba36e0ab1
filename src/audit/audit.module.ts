import { Global, Module } from '@nestjs/common';
import { AuditEntryQuery } from './audit-entry.query.ts';
import { AuditLog } from './audit-log.ts';
import { AuditChain } from './chain/audit-chain.ts';
import { AuditPruner } from './chain/audit-pruner.ts';
import { ChainLinkingJob } from './chain/chain-linking.job.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';

/** The audit record. Global, because every module writes to it through `AuditLog`. */
@Global()
@Module({
  providers: [AuditChain, AuditEntryQuery, AuditLog, AuditPruner, ChainLinkingJob, ChainVerifier],
  exports: [AuditChain, AuditEntryQuery, AuditLog, AuditPruner, ChainVerifier],
})
export class AuditModule {}
