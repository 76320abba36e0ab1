import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.ts';
import { AuditChain, AuditChainBrokenError } from './chain/audit-chain.ts';
import { type AnchorVerdict, type ChainAnchor, createAnchor, findAnchorFault } from './chain/chain-anchor.ts';
import { ChainMac } from './chain/chain-mac.ts';

/** Takes and checks anchors: the head of the chain at one moment, to be kept outside of the database. */
@Injectable()
export class AnchorsService {
  constructor(
    private readonly database: Database,
    private readonly chain: AuditChain,
    private readonly mac: ChainMac,
  ) {}

  /** Links pending entries and returns the head. */
  async take(): Promise<ChainAnchor> {
    try {
      await this.chain.link({ lookBack: 'late', wait: true });
    } catch (error) {
      // Still anchor a broken chain; a verification reports what is wrong.
      if (!(error instanceof AuditChainBrokenError)) throw error;
    }
    return createAnchor(this.database, this.mac);
  }

  /** Whether the record still contains everything it did when the anchor was taken. */
  async check(anchor: ChainAnchor): Promise<AnchorVerdict> {
    return (await findAnchorFault(this.database, this.mac, anchor)) ?? 'holds';
  }
}
