import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import type { AuditEntryId } from '../ids.ts';
import { readCheckpoint } from './audit-checkpoint.ts';
import {
  type ChainTip,
  countUnlinkedEntries,
  findFirstLinkWithMac,
  insertLinks,
  isLockTimeout,
  LINKING_BATCH,
  type LinkableEntry,
  lockChainSoon,
  type NewLink,
  readTip,
  readUnlinkedEntries,
  tryLockChain,
} from './audit-link.repository.ts';
import { computeHeadSeal, computeLinkMac, GENESIS_MAC } from './chain-encoding.ts';
import { ChainMac } from './chain-mac.ts';
import { epochMsOfId, firstAuditIdAt } from './entry-id-time.ts';
import { firstIdRequiringMac, isForged } from './entry-mac.ts';

/**
 * How far before the newest linked entry to look for unlinked ones. Entries commit out of id order: a transaction that began earlier may
 * end later. A statement ends after 15 s, so `recent`, which is cheap enough for every second, catches nearly all. `late` also catches
 * entries from a paused replica or a long transaction, and is scanned every minute and before a verification. Entries that appear even
 * later are not linked, because they can't be distinguished from entries inserted into the past; the verification reports them.
 */
const LOOK_BACK_MS = { recent: 20_000, late: 15 * 60_000 } as const;
type LookBack = keyof typeof LOOK_BACK_MS;

/** The end of the chain does not match its seal. Linking stops, because new links would cover up what happened. */
export class AuditChainBrokenError extends Error {
  constructor(reason: string) {
    super(`the audit chain is broken: ${reason}`);
    this.name = 'AuditChainBrokenError';
  }
}

/** Where the chain continues: its length, its last MAC, and the id from which entries without a MAC are forged. */
interface ChainEnd {
  entries: number;
  mac: Buffer;
  macsRequiredFrom: string | null;
}

interface LinkedBatch {
  linked: number;
  /** Forged entries. */
  forged: AuditEntryId[];
  /** Where to continue; null at the end. */
  lastRead: string | null;
  /** Another worker had the chain. */
  isLocked: boolean;
}

const LOCKED: LinkedBatch = { linked: 0, forged: [], lastRead: null, isLocked: true };

/** What came of linking. */
export interface LinkingResult {
  linked: number;
  /** Whether another worker, or somebody else, had the chain; what is unlinked then is left to them. */
  isLocked: boolean;
}

interface LinkingOptions {
  lookBack: LookBack;
  /** Whether to wait for another worker, up to five seconds. */
  wait: boolean;
  /** Called for every entry that is left out. */
  onForged?: (id: AuditEntryId) => void;
}

/**
 * Links committed entries into a chain under a keyed MAC. Writers never wait for it: it reads what they have committed, locks no entry, and
 * one worker runs at a time. Forged entries (whose own MAC does not verify) are left unlinked: the verification reports them, and the chain
 * continues with the genuine ones.
 */
@Injectable()
export class AuditChain {
  /** Once known, it never changes. */
  #macsRequiredFrom: string | null = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly mac: ChainMac,
  ) {}

  /**
   * Links committed entries that are not linked yet; returns how many. If another worker is linking, `wait` decides whether to wait for it
   * or to leave the work to it. `onForged` is called for every entry that is left out. Throws `AuditChainBrokenError`.
   */
  async linkNewEntries(
    lookBack: LookBack = 'late',
    wait = false,
    onForged: (id: AuditEntryId) => void = () => {},
  ): Promise<number> {
    return (await this.link({ lookBack, wait, onForged })).linked;
  }

  /** As `linkNewEntries`, and whether somebody else had the chain. */
  async link({ lookBack, wait, onForged = () => {} }: LinkingOptions): Promise<LinkingResult> {
    let linked = 0;
    let after: string | null = null;
    for (;;) {
      const batch: LinkedBatch = await this.database
        .transaction((tx) => this.linkBatch(tx, lookBack, after, wait))
        .catch((error: unknown) => {
          if (isLockTimeout(error)) return LOCKED;
          throw error;
        });
      linked += batch.linked;
      for (const id of batch.forged) onForged(id);
      if (batch.lastRead === null) return { linked, isLocked: batch.isLocked };
      // Everything before this was scanned a moment ago.
      after = batch.lastRead;
    }
  }

  /** How many entries wait to be linked, up to 100,000. */
  async countUnlinked(): Promise<number> {
    const { newestEntryId } = await readTip(this.database);
    return countUnlinkedEntries(this.database, firstLinkableId(newestEntryId, 'recent'));
  }

  private async linkBatch(
    tx: Transaction,
    lookBack: LookBack,
    after: string | null,
    wait: boolean,
  ): Promise<LinkedBatch> {
    if (wait) await lockChainSoon(tx);
    else if (!(await tryLockChain(tx))) return LOCKED;
    const tip = await readTip(tx);
    const end = await this.verifiedEnd(tx, tip);
    const from = after ?? firstLinkableId(tip.newestEntryId, lookBack);
    const entries = await readUnlinkedEntries(tx, from, linkableIdLimit(this.clock));
    const links: NewLink[] = [];
    const forged: AuditEntryId[] = [];
    for (const entry of entries) {
      if (isForged(this.mac, entry, end.macsRequiredFrom)) forged.push(entry.id);
      else links.push(this.append(end, entry));
    }
    if (links.length > 0)
      await insertLinks(tx, links, { ...end, seal: computeHeadSeal(this.mac, end.entries, end.mac) });
    const lastRead = entries.length < LINKING_BATCH ? null : (entries.at(-1)?.id ?? null);
    return { linked: links.length, forged, lastRead, isLocked: false };
  }

  private append(end: ChainEnd, { id, fields, mac }: LinkableEntry): NewLink {
    end.entries += 1;
    end.mac = computeLinkMac(this.mac, end.entries, end.mac, fields, mac);
    if (mac !== null) end.macsRequiredFrom ??= firstIdRequiringMac({ id, position: end.entries });
    return { position: end.entries, entryId: id, mac: end.mac };
  }

  /** Where the chain continues. Only a verified end is extended. */
  private async verifiedEnd(tx: Transaction, tip: ChainTip): Promise<ChainEnd> {
    const reason = findTipFault(this.mac, tip);
    if (reason !== null) throw new AuditChainBrokenError(reason);
    if (tip.head === null) return { entries: 0, mac: GENESIS_MAC, macsRequiredFrom: '' };
    return { ...tip.head, macsRequiredFrom: await this.macsRequiredFrom(tx) };
  }

  /**
   * The id from which entries without a MAC are forged, by the links and the sealed checkpoint. The head's own word is not under its seal
   * (replicas of earlier versions would not know such a seal), so it counts for nothing.
   */
  async macsRequiredFrom(executor: SqlExecutor): Promise<string | null> {
    if (this.#macsRequiredFrom !== null) return this.#macsRequiredFrom;
    const checkpoint = await readCheckpoint(executor, this.mac);
    const first = await findFirstLinkWithMac(executor);
    const found = checkpoint?.macsRequiredFrom ?? (first === null ? null : firstIdRequiringMac(first));
    this.#macsRequiredFrom = found;
    return found;
  }
}

/** The first id that may still be linked; everything before it is closed. */
export function firstLinkableId(newestEntryId: string | null, lookBack: LookBack): string {
  if (newestEntryId === null) return '';
  const newestMs = epochMsOfId(newestEntryId);
  if (newestMs === null) throw new AuditChainBrokenError('a linked entry has an id that was never given');
  return firstAuditIdAt(newestMs - LOOK_BACK_MS[lookBack]);
}

/** Ids beyond this lie in the future. Linking one would close the chain to every entry before its time. */
export function linkableIdLimit(clock: Clock): string {
  return firstAuditIdAt(clock.now().getTime() + LOOK_BACK_MS.late);
}

/** What is wrong with the end of the chain, as a short code; null if head, seal and last link agree. */
export function findTipFault(
  mac: ChainMac,
  { head, last }: ChainTip,
): 'head_missing' | 'head_changed' | 'cut_off' | null {
  if (head === null) return last === null ? null : 'head_missing';
  if (!computeHeadSeal(mac, head.entries, head.mac).equals(head.seal)) return 'head_changed';
  return last?.position === head.entries && last.mac.equals(head.mac) ? null : 'cut_off';
}
