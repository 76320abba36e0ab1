import { Module } from '@nestjs/common';
import { AuditReader } from './audit-entry.query.ts';
import { AuditChain } from './chain/audit-chain.ts';
import { ChainSchedule } from './chain/chain-linking.job.ts';
import { ChainVerifier } from './chain/chain-verifier.ts';

/** The record: what reads it, chains it and proves it. Writing goes through `AuditLog`, which every room has. */
@Module({
  providers: [AuditChain, AuditReader, ChainSchedule, ChainVerifier],
  exports: [AuditChain, AuditReader, ChainVerifier],
})
export class AuditModule {}
