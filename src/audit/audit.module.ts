import { Module } from '@nestjs/common';
import { AuditChain } from './audit-chain.ts';
import { AuditReader } from './audit-reader.ts';
import { ChainSchedule } from './chain-schedule.ts';
import { ChainVerifier } from './chain-verifier.ts';

/** The record: what reads it, chains it and proves it. Writing goes through `AuditLog`, which every room has. */
@Module({
  providers: [AuditChain, AuditReader, ChainSchedule, ChainVerifier],
  exports: [AuditChain, AuditReader, ChainVerifier],
})
export class AuditModule {}
