import { Module } from '@nestjs/common';
import { AuditEntryQuery } from './audit-entry.query.ts';
import { AuditChain } from './chain/audit-chain.ts';
import { ChainLinkingJob } from './chain/chain-linking.job.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';

/** The record: what reads it, chains it and proves it. Writing goes through `AuditLog`, which every room has. */
@Module({
  providers: [AuditChain, AuditEntryQuery, ChainLinkingJob, ChainVerifier],
  exports: [AuditChain, AuditEntryQuery, ChainVerifier],
})
export class AuditModule {}
