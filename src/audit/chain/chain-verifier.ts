import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import type { AuditEntryId } from '../ids.ts';
import { AuditChain, AuditChainBrokenError, findTipFault, firstLinkableId, linkableIdLimit } from './audit-chain.ts';
import { type AuditCheckpoint, readCheckpoint } from './audit-checkpoint.ts';
import { type ChainTip, readTip } from './audit-link.repository.ts';
import { computeLinkMac } from './chain-encoding.ts';
import { ChainMac } from './chain-mac.ts';
import {
  ENTRIES_PER_BATCH,
  LINKS_PER_BATCH,
  type LinkRow,
  readLinks,
  readUnlinked,
  readUnlinkedPage,
} from './chain-verification.query.ts';
import { firstIdRequiringMac, isForged } from './entry-mac.ts';

const BEFORE_ALL_POSITIONS = '-9223372036854775808';

export interface ChainFault {
  /**
   * `forged`: an entry that this service did not write; `unlinked`: a genuine entry in the past or future, where none can appear;
   * `checkpoint_changed`: the chain does not begin where it was pruned.
   */
  reason:
    | 'changed'
    | 'missing_entry'
    | 'missing_link'
    | 'cut_off'
    | 'head_missing'
    | 'head_changed'
    | 'checkpoint_changed'
    | 'unlinked'
    | 'forged';
  /** The first position where the chain breaks, from 1; null for an entry that has none. */
  position: number | null;
  entryId: AuditEntryId | null;
}

export interface ChainVerification {
  valid: boolean;
  /** How many entries the chain has according to its head, including pruned ones. */
  entries: number;
  /** How many of them were pruned, which the sealed checkpoint replaces. */
  prunedEntries: number;
  /** The MAC of the last link, in hex; null for an empty chain. */
  head: string | null;
  firstFault: ChainFault | null;
}

const CHECKPOINT_CHANGED: ChainFault = { reason: 'checkpoint_changed', position: null, entryId: null };

/**
 * Verifies the whole record: every entry is the one that was linked, in its position, with none missing, added or cut off. It can't detect
 * a database that was restored as a whole to an earlier state; for that, store a head elsewhere.
 */
@Injectable()
export class ChainVerifier {
  #running: Promise<ChainVerification> | null = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly chain: AuditChain,
    private readonly mac: ChainMac,
  ) {}

  /** Walks the chain in batches, in flat memory. Concurrent calls share one run. */
  verify(): Promise<ChainVerification> {
    this.#running ??= this.verifyChain().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  private async verifyChain(): Promise<ChainVerification> {
    await this.linkPendingEntries();
    const tip = await readTip(this.database);
    const start = await readCheckpoint(this.database, this.mac);
    const fault = start === null ? CHECKPOINT_CHANGED : await this.findFault(tip, start);
    // The links to be read next were pruned meanwhile: what remains is another chain.
    if (fault !== null && start !== null && (await this.isPrunedSince(start))) return this.verifyChain();
    return {
      valid: fault === null,
      entries: tip.head?.entries ?? 0,
      prunedEntries: start?.position ?? 0,
      head: tip.head?.mac.toString('hex') ?? null,
      firstFault: fault,
    };
  }

  private async findFault(tip: ChainTip, start: AuditCheckpoint): Promise<ChainFault | null> {
    const broken = (await this.findBrokenLink(tip, start)) ?? findEndFault(this.mac, tip);
    return broken ?? (await this.findUnlinked(tip)) ?? (await this.findForged(tip));
  }

  private async isPrunedSince(start: AuditCheckpoint): Promise<boolean> {
    const now = await readCheckpoint(this.database, this.mac);
    return now !== null && now.position > start.position;
  }

  /** A chain whose end is broken can't be extended; the walk reports where. */
  private async linkPendingEntries(): Promise<void> {
    try {
      await this.chain.linkNewEntries('late', true);
    } catch (error) {
      if (!(error instanceof AuditChainBrokenError)) throw error;
    }
  }

  private async findBrokenLink(tip: ChainTip, start: AuditCheckpoint): Promise<ChainFault | null> {
    let { position, mac, macsRequiredFrom } = start;
    for (let from = BEFORE_ALL_POSITIONS; ; from = String(position)) {
      const links = await readLinks(this.database, from, tip.last?.position ?? 0);
      for (const link of links) {
        position += 1;
        const reason = this.linkFault(link, position, mac, macsRequiredFrom);
        if (reason !== null) return { reason, position, entryId: link.entry_id };
        if (link.entry_mac !== null) macsRequiredFrom ??= firstIdRequiringMac({ id: link.entry_id, position });
        mac = link.mac;
      }
      if (links.length < LINKS_PER_BATCH) return null;
    }
  }

  private linkFault(
    link: LinkRow,
    position: number,
    previous: Buffer,
    macsRequiredFrom: string | null,
  ): ChainFault['reason'] | null {
    if (Number(link.position) !== position) return 'missing_link';
    const { fields, digest, entry_mac } = link;
    if (fields === null || digest === null) return 'missing_entry';
    const isLinked = (entryMac: Buffer | null): boolean =>
      computeLinkMac(this.mac, position, previous, fields, entryMac).equals(link.mac);
    // Replicas of the version whose links did not cover entries' MACs may have linked during the rollout.
    if (!isLinked(entry_mac) && !(entry_mac !== null && isLinked(null))) return 'changed';
    return isForged(this.mac, { id: link.entry_id, digest, mac: entry_mac }, macsRequiredFrom) ? 'forged' : null;
  }

  /** An unlinked entry where none can be; entries of the last minutes may still be linked. */
  private async findUnlinked(tip: ChainTip): Promise<ChainFault | null> {
    const past = firstLinkableId(tip.newestEntryId, 'late');
    for (let after = ''; ; ) {
      const batch = await readUnlinkedPage(this.database, after, past);
      if (batch.unlinked !== null) return this.classifyUnlinked(batch.unlinked, tip);
      if (batch.read < ENTRIES_PER_BATCH || batch.last === null) return this.findFutureEntry(tip);
      after = batch.last;
    }
  }

  private async findFutureEntry(tip: ChainTip): Promise<ChainFault | null> {
    const [unlinkedEntry] = await readUnlinked(this.database, linkableIdLimit(this.clock), null, 1);
    return unlinkedEntry === undefined ? null : this.classifyUnlinked(unlinkedEntry.id, tip);
  }

  /** A forged entry in the range that may still be linked. */
  private async findForged(tip: ChainTip): Promise<ChainFault | null> {
    const macsRequiredFrom = macsRequiredFromOf(tip);
    for (let after = firstLinkableId(tip.newestEntryId, 'late'); ; ) {
      const unlinkedEntries = await readUnlinked(this.database, after, linkableIdLimit(this.clock), ENTRIES_PER_BATCH);
      const forged = unlinkedEntries.find((unlinkedEntry) => isForged(this.mac, unlinkedEntry, macsRequiredFrom));
      if (forged !== undefined) return { reason: 'forged', position: null, entryId: forged.id };
      if (unlinkedEntries.length < ENTRIES_PER_BATCH) return null;
      after = `${unlinkedEntries.at(-1)?.id ?? after}\u0001`;
    }
  }

  private async classifyUnlinked(id: AuditEntryId, tip: ChainTip): Promise<ChainFault> {
    const [unlinkedEntry] = await readUnlinked(this.database, id, null, 1);
    const isOurs = unlinkedEntry?.id === id && !isForged(this.mac, unlinkedEntry, macsRequiredFromOf(tip));
    return { reason: isOurs ? 'unlinked' : 'forged', position: null, entryId: id };
  }
}

/** A record without a chain has no entries from before MACs. */
function macsRequiredFromOf({ head }: ChainTip): string | null {
  return head === null ? '' : head.macsRequiredFrom;
}

function findEndFault(mac: ChainMac, tip: ChainTip): ChainFault | null {
  const reason = findTipFault(mac, tip);
  return reason === null ? null : { reason, position: (tip.last?.position ?? 0) + 1, entryId: null };
}
