import { setImmediate as letOthersIn } from 'node:timers/promises';
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
  findFirstUnlinked,
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
 * How far before the newest linked entry to look for unlinked ones. Entries commit out of id order, because a
 * transaction that began earlier may end later. Statements end after 15 s, so `recent`, cheap enough for every second,
 * catches nearly all. `late` also catches those of a paused replica or a long transaction, and runs before a
 * verification. Later ones are never linked, because they can't be told from entries inserted into the past; the
 * verification reports them.
 */
const LOOK_BACK_MS = { newest: 3_000, recent: 20_000, late: 15 * 60_000 } as const;
/**
 * `turn`: the newest entries, and the next part of the late ones, so that two ticks a second cover all of them in 90
 * seconds.
 */
type LookBack = 'recent' | 'late' | 'turn';
/** Entries hashed in one go, which takes a millisecond and blocks requests. */
const HASHED_AT_ONCE = 50;
/** The part of the late entries that one turn covers, a 180th. A larger part could hold up new entries. */
const TURN_MS = 5_000;

/** Ids from `from` (inclusive) to `before` (exclusive). */
interface Span {
  from: string;
  before: string;
}

/** The end of the chain doesn't match its seal. Linking stops, because new links would hide the damage. */
export class AuditChainBrokenError extends Error {
  constructor(reason: string) {
    super(`the audit chain is broken: ${reason}`);
    this.name = 'AuditChainBrokenError';
  }
}

/** The end of the chain: its length, its last MAC, and the id from which entries without a MAC are forged. */
interface ChainEnd {
  entries: number;
  mac: Buffer;
  macsRequiredFrom: string | null;
}

interface LinkedBatch {
  linked: number;
  /** Ids of forged entries, which were skipped. */
  forged: AuditEntryId[];
  /** Id to continue after; null at the end. */
  lastRead: string | null;
  /** Another worker holds the chain's lock. */
  isLocked: boolean;
}

const LOCKED: LinkedBatch = { linked: 0, forged: [], lastRead: null, isLocked: true };

export interface LinkingResult {
  linked: number;
  /** Another session, usually another worker, held the chain's lock, so linking stopped. */
  isLocked: boolean;
}

const NONE: LinkingResult = { linked: 0, isLocked: false };

const add = (one: LinkingResult, other: LinkingResult): LinkingResult => ({
  linked: one.linked + other.linked,
  isLocked: one.isLocked || other.isLocked,
});

interface LinkingOptions {
  lookBack: LookBack;
  /** Whether to wait for the lock, up to five seconds. */
  wait: boolean;
  /** Called for every forged entry, which is skipped. */
  onForged?: (id: AuditEntryId) => void;
}

/**
 * Links committed entries into a chain under a keyed MAC. One worker runs at a time; writers never wait for it, because
 * it locks no entries. Skips forged entries (whose own MAC doesn't verify), which the verification reports.
 */
@Injectable()
export class AuditChain {
  /** Never changes once known. */
  #macsRequiredFrom: string | null = null;
  /** Up to where turns have checked late entries. */
  #turnedUntilMs = 0;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly mac: ChainMac,
  ) {}

  /**
   * Links committed entries and returns how many. If another worker is linking, `wait` decides whether to wait for it.
   * Calls `onForged` for every forged entry. Throws `AuditChainBrokenError`.
   */
  async linkNewEntries(
    lookBack: LookBack = 'late',
    wait = false,
    onForged: (id: AuditEntryId) => void = () => {},
  ): Promise<number> {
    return (await this.link({ lookBack, wait, onForged })).linked;
  }

  /** Like `linkNewEntries`, and also returns whether the chain was locked. */
  async link(options: LinkingOptions): Promise<LinkingResult> {
    const { newestEntryId } = await readTip(this.database);
    const before = linkableIdLimit(this.clock);
    if (options.lookBack !== 'turn') {
      const late =
        newestEntryId === null || options.lookBack === 'recent' ? null : firstLinkableId(newestEntryId, 'late');
      const from = firstLinkableId(newestEntryId, 'recent');
      const found = late === null ? NONE : await this.linkLate({ from: late, before: from }, options);
      return add(found, await this.linkSpan({ from, before }, options));
    }
    const newest = await this.linkSpan({ from: firstLinkableId(newestEntryId, 'newest'), before }, options);
    // The holder of the lock also checks the late ones.
    if (newestEntryId === null || newest.isLocked) return newest;
    return add(newest, await this.linkLate(this.nextTurn(newestEntryId), options));
  }

  /** Late entries are nearly always all linked. The search is slow, so it runs without the lock. */
  private async linkLate(span: Span, options: LinkingOptions): Promise<LinkingResult> {
    const first = await findFirstUnlinked(this.database.longRunning, span.from, span.before);
    return first === null ? NONE : this.linkSpan({ ...span, from: first }, options);
  }

  private nextTurn(newestEntryId: string): Span {
    const [start, end] = (['late', 'newest'] as const).map(
      (lookBack) => epochMsOfId(firstLinkableId(newestEntryId, lookBack)) ?? 0,
    ) as [number, number];
    const isInside = this.#turnedUntilMs >= start && this.#turnedUntilMs < end;
    const fromMs = isInside ? this.#turnedUntilMs : start;
    this.#turnedUntilMs = Math.min(fromMs + TURN_MS, end);
    return { from: firstAuditIdAt(fromMs), before: firstAuditIdAt(this.#turnedUntilMs) };
  }

  private async linkSpan(span: Span, { wait, onForged = () => {} }: LinkingOptions): Promise<LinkingResult> {
    let linked = 0;
    for (let from = span.from; ; ) {
      const batch: LinkedBatch = await this.database.longRunning
        .transaction((tx) => this.linkBatch(tx, { ...span, from }, wait))
        .catch((error: unknown) => {
          if (isLockTimeout(error)) return LOCKED;
          throw error;
        });
      linked += batch.linked;
      for (const id of batch.forged) onForged(id);
      if (batch.lastRead === null) return { linked, isLocked: batch.isLocked };
      // Entries before this were just scanned.
      from = batch.lastRead;
    }
  }

  /** Counts unlinked entries, up to 100,000. */
  async countUnlinked(): Promise<number> {
    const { newestEntryId } = await readTip(this.database);
    return countUnlinkedEntries(this.database, firstLinkableId(newestEntryId, 'recent'));
  }

  private async linkBatch(tx: Transaction, { from, before }: Span, wait: boolean): Promise<LinkedBatch> {
    if (wait) await lockChainSoon(tx);
    else if (!(await tryLockChain(tx))) return LOCKED;
    const tip = await readTip(tx);
    const end = await this.verifiedEnd(tx, tip);
    const entries = await readUnlinkedEntries(tx, from, before);
    const links: NewLink[] = [];
    const forged: AuditEntryId[] = [];
    for (const [index, entry] of entries.entries()) {
      if (index % HASHED_AT_ONCE === 0) await letOthersIn();
      if (isForged(this.mac, entry, end.macsRequiredFrom)) forged.push(entry.id);
      else links.push(this.append(end, entry));
    }
    if (links.length > 0)
      await insertLinks(tx, links, { ...end, seal: computeHeadSeal(this.mac, end.entries, end.mac) });
    const lastRead = entries.length < LINKING_BATCH ? null : (entries.at(-1)?.id ?? null);
    return { linked: links.length, forged, lastRead, isLocked: false };
  }

  private append(end: ChainEnd, { id, entry, mac }: LinkableEntry): NewLink {
    end.entries += 1;
    end.mac = computeLinkMac(this.mac, end.entries, end.mac, entry, mac);
    if (mac !== null) end.macsRequiredFrom ??= firstIdRequiringMac({ id, position: end.entries });
    return { entryId: id, mac: end.mac };
  }

  /** Returns the end of the chain. Throws `AuditChainBrokenError` if it doesn't verify. */
  private async verifiedEnd(tx: Transaction, tip: ChainTip): Promise<ChainEnd> {
    const reason = findTipFault(this.mac, tip);
    if (reason !== null) throw new AuditChainBrokenError(reason);
    if (tip.head === null) return { entries: 0, mac: GENESIS_MAC, macsRequiredFrom: '' };
    return { ...tip.head, macsRequiredFrom: await this.macsRequiredFrom(tx) };
  }

  /**
   * Returns the id from which entries without a MAC are forged, derived from the links and the sealed checkpoint.
   * Ignores the value in the head: its seal doesn't cover it, for compatibility with earlier releases.
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

/** Returns the first id that may still be linked. */
export function firstLinkableId(newestEntryId: string | null, lookBack: keyof typeof LOOK_BACK_MS): string {
  if (newestEntryId === null) return '';
  const newestMs = epochMsOfId(newestEntryId);
  if (newestMs === null) throw new AuditChainBrokenError('a linked entry has an invalid id');
  return firstAuditIdAt(newestMs - LOOK_BACK_MS[lookBack]);
}

/** Returns the id from which ids are in the future. Linking one would close the chain to all entries before it. */
export function linkableIdLimit(clock: Clock): string {
  return firstAuditIdAt(clock.now().getTime() + LOOK_BACK_MS.late);
}

/** Returns what is wrong with the end of the chain, or null if head, seal and last link agree. */
export function findTipFault(
  mac: ChainMac,
  { head, last }: ChainTip,
): 'head_missing' | 'head_changed' | 'cut_off' | null {
  if (head === null) return last === null ? null : 'head_missing';
  if (!computeHeadSeal(mac, head.entries, head.mac).equals(head.seal)) return 'head_changed';
  return last?.position === head.entries && last.mac.equals(head.mac) ? null : 'cut_off';
}
