import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { AuditChain, AuditChainBrokenError } from './chain/audit-chain.ts';
import { type AnchorVerdict, type ChainAnchor, createAnchor, findAnchorFault } from './chain/chain-anchor.ts';
import { ChainMac } from './chain/chain-mac.ts';

/** Anchors: what the record was at one moment, to be kept where the database is not. */
@Injectable()
export class AnchorsService {
  constructor(
    private readonly database: Database,
    private readonly chain: AuditChain,
    private readonly mac: ChainMac,
  ) {}

  /** The present head, after linking what waits. */
  async take(): Promise<ChainAnchor> {
    try {
      await this.chain.link({ lookBack: 'late', wait: true });
    } catch (error) {
      // The head of a broken chain is what there is; a verification says what is wrong.
      if (!(error instanceof AuditChainBrokenError)) throw error;
    }
    return createAnchor(this.database, this.mac);
  }

  /** Whether the record still contains what it was when the anchor was taken. */
  async check(anchor: ChainAnchor): Promise<AnchorVerdict> {
    return (await findAnchorFault(this.database, this.mac, anchor)) ?? 'holds';
  }
}
